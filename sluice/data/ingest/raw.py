"""Raw rows: what a dataset's columns mean, as texts, from any number of files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from sluice.core.bounded import digests_of_reads
from sluice.data.config import DatasetConfig, load_config
from sluice.data.ingest.files import digest_of, folder_digest, folder_stamp, matching_files
from sluice.data.ingest.read_file import read_file
from sluice.data.ingest.row_format import format_of
from sluice.data.readers.reading_warnings import with_warnings

__all__ = [
    "Folder",
    "folder_digest",
    "folder_stamp",
    "matching_files",
    "read_file",
    "read_folder",
    "read_raw",
    "rows_of",
]


def read_raw(folder: Path, config: DatasetConfig) -> pa.Table:
    """Read every row of a dataset.

    Parameters
    ----------
    folder : Path
        The dataset's folder.
    config : DatasetConfig
        Its configuration.

    Returns
    -------
    Table
        ``text``, ``label`` and, where the configuration names them, ``id``, ``group``, ``split``
        (string, null where the value is missing), ``file`` (string, relative name) and ``row``
        (int64, from 1, within its file), and what else the task's row format says; the text is
        its payload of a row. The rows of all files, by file name. In memory whole.

    Raises
    ------
    DataError
        Where a file is missing, empty, unreadable, broken, not UTF-8, or lacks a column, or the
        files hold rows of different forms.
    """
    paths = matching_files(folder, config)
    return rows_of({path.relative_to(folder).as_posix(): path for path in paths}, config)


@dataclass(frozen=True)
class Folder:
    """A dataset as it was read: one moment of its folder, or an error.

    Attributes
    ----------
    config : DatasetConfig
    rows : Table
        See `read_raw`.
    digest : str
        What `folder_digest` gives for exactly what was read.
    files : dict of str to str
        Name, relative to the folder, to the digest of the bytes that were read.
    """

    config: DatasetConfig
    rows: pa.Table
    digest: str
    files: dict[str, str]


def read_folder(folder: Path) -> Folder:
    """Read a dataset's configuration and rows, and digest the very bytes that were read.

    Raises
    ------
    ConfigError, DataError
        See `load_config` and `read_raw`.
    """
    with digests_of_reads() as settings:
        config = load_config(folder)
    paths = matching_files(folder, config)
    with digests_of_reads() as digests:
        rows = rows_of({path.relative_to(folder).as_posix(): path for path in paths}, config)
    files = {path.relative_to(folder).as_posix(): found for path, found in digests.items()}
    return Folder(config, rows, digest_of(folder, settings | digests), files)


def rows_of(files: Mapping[str, Path], config: DatasetConfig) -> pa.Table:
    """Read every row of some files, see `read_raw`.

    Parameters
    ----------
    files : mapping of str to Path
        What the column ``file`` says to the file, in order.
    config : DatasetConfig
    """
    rows = format_of(config)
    tables: list[pa.Table] = []
    warnings: list[str] = []
    first: Any = None
    for name, path in files.items():
        read = rows.read(path, name, config)
        if tables:
            rows.check_alike(first, read, str(path))
        else:
            first = read.form
        tables.append(read.raw)
        warnings += read.warnings
    whole = pa.concat_tables(tables)
    return with_warnings(whole, [*warnings, *rows.reading_warnings(whole)])
