"""One file of columns, whatever its format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from sluice.data.ingest.files import file_kind, readable
from sluice.data.readers.contract import readers


def read_file(
    path: Path,
    columns: list[str] | None = None,
    *,
    delimiter: str | None = None,
    needed: Sequence[str] = (),
) -> pa.Table:
    """Read one CSV, TSV, JSONL, Parquet or Arrow file, or of a format that a package reads.

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
    reader, shown = readers()[file_kind(path)], str(path)
    with readable(path):
        if reader.delimited:
            return reader.read(path, shown, columns, delimiter, needed)
        return reader.read(path, shown, columns)
