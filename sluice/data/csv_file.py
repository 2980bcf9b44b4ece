"""Comma- and tab-separated files: every value stays the text that the file holds."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv

from sluice.data.bounded import LONGEST_LINE, read_bytes, unzipped
from sluice.data.columns import require_columns
from sluice.data.table_bounds import check_width
from sluice.errors import DataError

# A record must fit into one block; larger blocks cost memory only.
_BLOCK = LONGEST_LINE
csv.field_size_limit(_BLOCK)


def read_csv(path: Path, shown: str, columns: list[str] | None) -> pa.Table:
    """Read a CSV or TSV file, gzipped or not, as text.

    Values are not guessed at: ``007`` stays ``"007"`` and an empty cell is ``""``. The file is
    held in memory while it is read.

    Parameters
    ----------
    path : Path
        The file.
    shown : str
        Its name for messages.
    columns : list of str or None
        Columns to read, or all.

    Returns
    -------
    Table of string columns
        At least one row.

    Raises
    ------
    DataError
        Where the file is empty, not UTF-8, has no row, a broken line, or lacks a column.
    """
    data = _content(path, shown)
    delimiter = "\t" if ".tsv" in path.name.lower() else ","
    header = _header(data, delimiter, shown)
    check_width(header, 0, shown)
    require_columns(columns or [], header, shown)
    wanted = header if columns is None else columns
    if columns is None:
        require_columns(header, header, shown)
    try:
        table = pacsv.read_csv(
            pa.BufferReader(data),
            read_options=pacsv.ReadOptions(block_size=_BLOCK),
            parse_options=pacsv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(wanted, pa.string()),
                include_columns=wanted,
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as error:
        raise _broken(data, delimiter, shown, error) from None
    if table.num_rows == 0:
        raise DataError(f"{shown} holds a header and no row. Add rows or remove the file.")
    # An unclosed quote in the last column swallows the rest of the file without an error.
    if data.count(b'"') % 2:
        fault = _first_fault(data, delimiter, len(header))
        if fault is not None and fault[1] == _UNCLOSED:
            raise _broken(data, delimiter, shown, None)
    return table


def _content(path: Path, shown: str) -> bytes:
    packed = path.name.lower().endswith(".gz")
    data = read_bytes(path, lines=not packed)
    if packed and data:
        data = unzipped(data, shown)
    if not data.strip():
        raise DataError(f"{shown} is empty. Put rows into it or remove it.")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise not_utf8(data, error, shown) from None
    return data.removeprefix(b"\xef\xbb\xbf")


def not_utf8(data: bytes, error: UnicodeDecodeError, shown: str) -> DataError:
    """Say where a file stops being UTF-8 and how to convert it."""
    line = data.count(b"\n", 0, error.start) + 1
    code = "UTF-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "WINDOWS-1252"
    return DataError(
        f"{shown} is not UTF-8: byte {error.start} (line {line}) is "
        f"0x{data[error.start]:02x}. Convert it, for example from {code}: "
        f"iconv -f {code} -t UTF-8 OLD > NEW"
    )


def _reader(data: bytes, delimiter: str):
    stream = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")
    return csv.reader(stream, delimiter=delimiter, strict=True)


def _header(data: bytes, delimiter: str, shown: str) -> list[str]:
    try:
        for record in _reader(data, delimiter):
            if record:
                return record
    except csv.Error as error:
        raise DataError(f"{shown}: the header cannot be read: {error}. Correct line 1.") from None
    raise DataError(f"{shown} is empty. Put rows into it or remove it.")


_UNCLOSED = "a quote is opened and never closed"


def _first_fault(data: bytes, delimiter: str, width: int) -> tuple[int, str] | None:
    """Return the line (from 1) where the first broken record begins, and what is wrong."""
    reader, line = _reader(data, delimiter), 1
    try:
        for record in reader:
            if record and len(record) != width:
                return line, f"{len(record)} values where the header has {width}"
            line = reader.line_num + 1
    except csv.Error as error:
        ended = "unexpected end of data" in str(error)
        return line, _UNCLOSED if ended else str(error)
    return None


def _broken(data: bytes, delimiter: str, shown: str, error: pa.ArrowInvalid | None) -> DataError:
    header = _header(data, delimiter, shown)
    fault = _first_fault(data, delimiter, len(header))
    if fault is None:
        return DataError(f"{shown} cannot be read: {error}. Correct the file.")
    return DataError(
        f"{shown}, line {fault[0]}: {fault[1]}. Correct the line; a value that holds "
        f"{'a tab' if delimiter == chr(9) else 'a comma'}, a quote or a line break belongs in "
        "double quotes, with inner quotes doubled."
    )
