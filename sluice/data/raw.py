"""Raw rows: what a dataset's columns mean, as texts, from any number of files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sluice.data.columns import require_columns
from sluice.data.config import DatasetConfig
from sluice.data.csv_file import read_csv
from sluice.data.files import file_kind, folder_digest, folder_stamp, matching_files
from sluice.data.jsonl_file import read_jsonl
from sluice.data.table_rows import feature_columns, row_texts
from sluice.data.targets import label_texts
from sluice.data.textual import column_text
from sluice.errors import DataError

__all__ = [
    "columns_to_read",
    "folder_digest",
    "folder_stamp",
    "matching_files",
    "raw_rows",
    "read_file",
    "read_raw",
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
        `sluice.data.table_rows.row_texts` writes of its features. The rows of all files, by file
        name. In memory whole.

    Raises
    ------
    DataError
        Where a file is missing, empty, unreadable, broken, not UTF-8, or lacks a column.
    """
    tables: list[pa.Table] = []
    features: list[str] | None = None
    for path in matching_files(folder, config):
        name = path.relative_to(folder).as_posix()
        table = read_file(path, columns_to_read(config))
        if config.task == "tabular":
            features = _same_features(table, config, str(path), features)
        tables.append(raw_rows(table, config, str(path), name))
    return pa.concat_tables(tables)


def columns_to_read(config: DatasetConfig) -> list[str] | None:
    """Return the columns of the files that a configuration reads, None for all of them."""
    columns = config.columns
    if config.task == "tabular" and columns.features is None:
        return None
    return [*columns.special.values(), *(columns.features or [])]


def _same_features(
    table: pa.Table, config: DatasetConfig, shown: str, before: list[str] | None
) -> list[str]:
    features = feature_columns(config.columns, table.column_names, shown)
    if before is not None and features != before:
        apart = sorted(set(features) ^ set(before))
        raise DataError(
            f"{shown} has other columns than the files before it: {', '.join(map(repr, apart))} "
            "are in one and not in the other. Give all files the same columns, or name the ones "
            "to learn from under columns.features in dataset.yaml."
        )
    return features


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
    require_columns(list(special.values()), table.column_names, shown)
    columns: dict[str, pa.ChunkedArray | pa.Array] = {}
    if config.task == "tabular":
        features = feature_columns(config.columns, table.column_names, shown)
        columns["text"] = row_texts(table, features, shown)
    for meaning, column in special.items():
        of_table = meaning == "label" and config.task == "tabular"
        written = label_texts if of_table else column_text
        columns[meaning] = written(table.column(column), f"{shown}: the column {column!r}")
    columns["file"] = pa.repeat(pa.scalar(name, pa.string()), table.num_rows)
    columns["row"] = pa.array(np.arange(1, table.num_rows + 1, dtype=np.int64))
    return pa.table(columns)


def read_file(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Read one CSV, TSV, JSONL or Parquet file.

    Parameters
    ----------
    path : Path
        The file; its suffix says what it is.
    columns : list of str, optional
        Columns to read; all where not given.

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
    try:
        if path.stat().st_size == 0:
            raise DataError(f"{shown} is empty. Put rows into it or remove it.")
        if kind == ".parquet":
            return _read_parquet(path, shown, columns)
        if kind == ".jsonl":
            return read_jsonl(path, shown, columns)
        return read_csv(path, shown, columns)
    except FileNotFoundError:
        raise DataError(f"{shown} does not exist. Check the path.") from None
    except OSError as error:
        raise DataError(
            f"{shown} cannot be read: {error.strerror or error}. Check that it is a file and that "
            "the user who runs Sluice may read it."
        ) from None


def _read_parquet(path: Path, shown: str, columns: list[str] | None) -> pa.Table:
    try:
        # Opened by us, so that a file we may not read is not taken for a broken one.
        with path.open("rb") as stream, pq.ParquetFile(stream) as file:
            require_columns(columns or [], file.schema_arrow.names, shown)
            table = file.read(columns)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise _broken_parquet(shown, error) from None
    except OSError as error:
        # Arrow reports damaged pages as OSError without a number.
        if error.errno is not None:
            raise
        raise _broken_parquet(shown, error) from None
    if table.num_rows == 0:
        raise DataError(f"{shown} holds columns and no row. Add rows or remove the file.")
    return table


def _broken_parquet(shown: str, error: Exception) -> DataError:
    reason = str(error).splitlines()[0]
    return DataError(f"{shown} is not a whole Parquet file: {reason} Write or copy it again.")
