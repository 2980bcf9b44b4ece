"""Raw rows: what a dataset's columns mean, as texts, from any number of files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from sluice.core.bounded import digests_of_reads
from sluice.core.errors import DataError
from sluice.data.config import DatasetConfig, load_config
from sluice.data.ingest.files import (
    digest_of,
    file_kind,
    folder_digest,
    folder_stamp,
    matching_files,
    readable,
)
from sluice.data.ingest.unread import unread_cells, unread_warning
from sluice.data.payloads.conversation_forms import form_of
from sluice.data.payloads.conversation_rows import conversation_rows, nested
from sluice.data.payloads.conversations import NO_FAMILY
from sluice.data.payloads.sentence_rows import sentence_rows
from sluice.data.payloads.table_rows import feature_columns, row_texts
from sluice.data.readers.arrow_file import read_arrow
from sluice.data.readers.columns import require_columns
from sluice.data.readers.csv_file import read_csv
from sluice.data.readers.jsonl_file import read_jsonl, refuse_written
from sluice.data.readers.parquet_file import read_parquet
from sluice.data.readers.reading_warnings import warnings_of, with_warnings
from sluice.data.readers.saved_index import index_warning, saved_index
from sluice.data.values.decimals import comma_warnings, with_points
from sluice.data.values.stringify import column_text
from sluice.data.values.targets import label_texts

__all__ = [
    "Folder",
    "columns_to_read",
    "folder_digest",
    "folder_stamp",
    "matching_files",
    "raw_rows",
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
        (int64, from 1, within its file). The text of a table's row is what
        `sluice.data.payloads.table_rows.row_texts` writes of its features, that of a row of
        instructions what `sluice.data.payloads.conversations.conversation_text` writes; of the
        latter ``unread`` is what `sluice.data.ingest.unread.unread_cells` says of what stands
        beside it, and the label is its family, `NO_FAMILY` where it has none. Of tagged sentences
        see `sluice.data.payloads.sentence_rows.sentence_rows`. The rows of all files, by file
        name. In memory whole.

    Raises
    ------
    DataError
        Where a file is missing, empty, unreadable, broken, not UTF-8, or lacks a column, or the
        files hold instructions of different forms.
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
    if config.task == "tokens":
        return pa.concat_tables(
            [sentence_rows(path, config, str(path), name) for name, path in files.items()]
        )
    tables: list[pa.Table] = []
    features: list[str] | None = None
    forms: dict[str, str] = {}
    warnings: list[str] = []
    for name, path in files.items():
        table = read_file(
            path,
            columns_to_read(config),
            delimiter=config.reading.delimiter,
            needed=list(config.columns.special.values()),
        )
        warnings += warnings_of(table)
        if config.task == "tabular":
            features = _same_features(table, config, str(path), features)
            numbers = [*features, str(config.columns.label)]
            table = with_points(table, numbers, config.reading.decimal, str(path))
            warnings += comma_warnings(table, numbers, config.reading.decimal, str(path))
            index = saved_index(table, config.columns)
            warnings += [index_warning(index, str(path))] if index else []
        if config.task == "instructions":
            form = form_of(config.columns, table.column_names, str(path), nested(table))
            forms.setdefault(form.name, f"{path}: {form}")
            _refuse_mixed(forms)
        tables.append(raw_rows(table, config, str(path), name))
    whole = pa.concat_tables(tables)
    if config.task == "instructions":
        warnings += unread_warning(whole)
    return with_warnings(whole, warnings)


def columns_to_read(config: DatasetConfig) -> list[str] | None:
    """Return the columns of the files that a configuration reads, None for all of them."""
    columns = config.columns
    if config.task == "instructions":
        # A file shows its form by its columns, and messages are no texts.
        return None
    if config.task == "tabular" and columns.features is None:
        return None
    return [*columns.special.values(), *(columns.features or [])]


def _same_features(
    table: pa.Table, config: DatasetConfig, shown: str, before: list[str] | None
) -> list[str]:
    index = saved_index(table, config.columns)
    features = feature_columns(config.columns, table.column_names, shown, index)
    if before is not None and features != before:
        apart = sorted(set(features) ^ set(before))
        raise DataError(
            f"{shown} has other columns than the files before it: {', '.join(map(repr, apart))} "
            "are in one and not in the other. Give all files the same columns, or name the ones "
            "to learn from under columns.features in dataset.yaml."
        )
    return features


def _refuse_mixed(forms: dict[str, str]) -> None:
    if len(forms) > 1:
        raise DataError(
            f"The files hold instructions of different forms: {'; '.join(forms.values())}. Make a "
            "dataset of each, or write all in one form."
        )


def raw_rows(table: pa.Table, config: DatasetConfig, shown: str, name: str) -> pa.Table:
    """Turn the columns of one file into raw rows.

    Parameters
    ----------
    table : Table
        As `read_file` returns it.
    config : DatasetConfig
        What its columns mean.
    shown : str
        The file's path, for messages.
    name : str
        What the column ``file`` says.

    Returns
    -------
    Table
        The columns of `read_raw`.

    Raises
    ------
    DataError
        Where a column is missing or is no text.
    """
    special = config.columns.special
    own = [c for c in (config.columns.tags, config.columns.quality) if c is not None]
    require_columns([*special.values(), *own], table.column_names, shown)
    columns: dict[str, pa.ChunkedArray | pa.Array] = {}
    if config.task == "tabular":
        index = saved_index(table, config.columns)
        features = feature_columns(config.columns, table.column_names, shown, index)
        refuse_written(table, features, shown)
        columns["text"] = row_texts(table, features, shown)
    if config.task == "instructions":
        columns["text"] = conversation_rows(table, config.columns, shown)
        columns["unread"] = _unread(table, config, shown)
        columns["label"] = pa.repeat(pa.scalar(NO_FAMILY, pa.string()), table.num_rows)
    refuse_written(table, list(special.values()), shown)
    for meaning, column in special.items():
        of_table = meaning == "label" and config.task == "tabular"
        written = label_texts if of_table else column_text
        columns[meaning] = written(table.column(column), f"{shown}: the column {column!r}")
    if config.task == "instructions":
        columns["label"] = _families(columns["label"])
    columns["file"] = pa.repeat(pa.scalar(name, pa.string()), table.num_rows)
    columns["row"] = pa.array(np.arange(1, table.num_rows + 1, dtype=np.int64))
    return pa.table(columns)


def _unread(table: pa.Table, config: DatasetConfig, shown: str) -> pa.Array:
    form = form_of(config.columns, table.column_names, shown, nested(table))
    own = {c for c in (config.columns.tags, config.columns.quality) if c is not None}
    read = {*form.columns.values(), *config.columns.special.values(), *own}
    read |= set(saved_index(table, config.columns))
    messages = [form.columns[part] for part in ("messages", "history") if part in form.columns]
    return pa.array(unread_cells(table, read, messages), pa.string())


def _families(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return the families of rows, those of blank cells by the name of no family."""
    names: list[str | None] = column.to_pylist()
    return pa.array([(name or "").strip() or NO_FAMILY for name in names], pa.string())


def read_file(
    path: Path,
    columns: list[str] | None = None,
    *,
    delimiter: str | None = None,
    needed: Sequence[str] = (),
) -> pa.Table:
    """Read one CSV, TSV, JSONL, Parquet or Arrow file.

    Parameters
    ----------
    path : Path
        The file; its suffix says what it is.
    columns : list of str, optional
        Columns to read; all where not given.
    delimiter : str, optional
        What separates the values of a CSV file, see `sluice.data.readers.csv_dialect.delimiter_of`.
    needed : sequence of str, optional
        Columns that must be there where all are read; they tell how a CSV file is separated.

    Returns
    -------
    Table
        At least one row, in the order of the file. Columns of CSV files are text.

    Raises
    ------
    DataError
        Where the file is missing, empty, unreadable, broken, not UTF-8, or lacks a column.
    """
    kind, shown = file_kind(path), str(path)
    with readable(path):
        if kind == ".parquet":
            return read_parquet(path, shown, columns)
        if kind == ".arrow":
            return read_arrow(path, shown, columns)
        if kind == ".jsonl":
            return read_jsonl(path, shown, columns)
        return read_csv(path, shown, columns, delimiter, needed)
