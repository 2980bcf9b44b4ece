"""Comma- and tab-separated files: every value stays the text that the file holds."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv

from sluice.core.bounded import LONGEST_LINE, read_bytes, unzipped
from sluice.core.errors import DataError
from sluice.data.readers.columns import require_columns
from sluice.data.readers.contract import Reader
from sluice.data.readers.csv_dialect import delimiter_of, header_of, records, refuse_broken
from sluice.data.readers.foreign import GZIP, refuse_foreign
from sluice.data.readers.reading_warnings import with_warnings
from sluice.data.readers.swallowed_lines import swallowed_lines
from sluice.data.readers.table_bounds import check_width
from sluice.data.values.decimals import DELIMITER

# A record must fit into one block; larger blocks cost memory only.
_BLOCK = LONGEST_LINE
csv.field_size_limit(_BLOCK)
# So few that Python's collector never sees them: four times as fast as a hundred times as many.
_ROWS = 512
_SEPARATOR_LINE = re.compile(rb'"?sep=[^\r\n"]{1,4}"?(?=[\r\n])', re.IGNORECASE)


def read_csv(
    path: Path,
    shown: str,
    columns: list[str] | None,
    delimiter: str | None = None,
    needed: Sequence[str] = (),
) -> pa.Table:
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
    delimiter : str, optional
        What separates the values; see `sluice.data.readers.csv_dialect.delimiter_of` where not
        given.
    needed : sequence of str, optional
        Columns that must be there where all are read.

    Returns
    -------
    Table of string columns
        At least one row.

    Raises
    ------
    DataError
        Where the file is empty, not UTF-8, has no row, a broken line (see
        `sluice.data.readers.csv_dialect.refuse_broken`), or lacks a column.
    """
    data = _content(path, shown)
    delimiter = delimiter_of(data, shown, delimiter, [*(columns or []), *needed])
    header = header_of(data, delimiter, shown)
    check_width(header, 0, shown)
    require_columns(columns or [], header, shown)
    wanted = header if columns is None else columns
    if columns is None:
        require_columns(header, header, shown)
    try:
        read = _quoted if b'"' in data else _plain
        table = read(data, delimiter, header, wanted)
    except (csv.Error, pa.ArrowInvalid, ValueError) as error:
        refuse_broken(data, delimiter, len(header), shown)
        if not data.strip().count(b"\n") + data.strip().count(b"\r"):
            raise _without_rows(shown) from None
        raise DataError(f"{shown} cannot be read: {error}. Correct the file.") from None
    if b'\\"' in data:
        refuse_broken(data, delimiter, len(header), shown)
    if table.num_rows == 0:
        raise _without_rows(shown)
    warnings: list[str] = []
    if b'"' in data:
        warnings = swallowed_lines(data, delimiter, len(header), shown)
    return with_warnings(table.replace_schema_metadata({DELIMITER: delimiter.encode()}), warnings)


def _plain(data: bytes, delimiter: str, header: list[str], wanted: list[str]) -> pa.Table:
    """Read a file without quotes, by Arrow: 0.02 microseconds a value."""
    return pacsv.read_csv(
        pa.BufferReader(data),
        read_options=pacsv.ReadOptions(block_size=_BLOCK),
        parse_options=pacsv.ParseOptions(delimiter=delimiter),
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(wanted, pa.string()),
            include_columns=wanted,
            strings_can_be_null=False,
        ),
    )


def _quoted(data: bytes, delimiter: str, header: list[str], wanted: list[str]) -> pa.Table:
    """Read a file with quotes, by Python: 0.15 microseconds a value.

    Arrow takes whatever follows a closing quote, and so the rows between two strays; and it loses
    half of a line end on which two of its blocks meet.
    """
    reader = (record for record in records(data, delimiter) if record)
    next(reader)
    schema = pa.schema([(name, pa.string()) for name in wanted])
    places = [header.index(name) for name in wanted]
    batches: list[pa.RecordBatch] = []
    while rows := list(islice(reader, _ROWS)):
        # Rows of two lengths are an error of zip, of one wrong length an error of ours.
        columns = list(zip(*rows, strict=True))
        if len(columns) != len(header):
            raise ValueError("rows are longer or shorter than the header")
        arrays = [pa.array(columns[place], pa.string()) for place in places]
        batches.append(pa.record_batch(arrays, schema=schema))
    return pa.Table.from_batches(batches, schema).combine_chunks()


def _content(path: Path, shown: str) -> bytes:
    packed = path.name.lower().endswith(".gz")
    data = read_bytes(path, lines=not packed)
    if packed and data:
        if not data.startswith(GZIP):
            refuse_foreign(data, shown)
        data = unzipped(data, shown)
    refuse_foreign(data, shown)
    if not data.strip():
        raise DataError(f"{shown} is empty. Put rows into it or remove it.")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise not_utf8(data, error, shown) from None
    data = data.removeprefix(b"\xef\xbb\xbf")
    line = _SEPARATOR_LINE.match(data)
    if line is not None:
        raise DataError(
            f"{shown} begins with the line {line[0].decode()!r}, which is for Excel alone and no "
            "row of the table. Remove the line."
        )
    return data


def _without_rows(shown: str) -> DataError:
    return DataError(f"{shown} holds a header and no row. Add rows or remove the file.")


def not_utf8(data: bytes, error: UnicodeDecodeError, shown: str) -> DataError:
    """Say where a file stops being UTF-8 and how to convert it."""
    line = data.count(b"\n", 0, error.start) + 1
    code = "UTF-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "WINDOWS-1252"
    return DataError(
        f"{shown} is not UTF-8: byte {error.start} (line {line}) is "
        f"0x{data[error.start]:02x}. Convert it, for example from {code}: "
        f"iconv -f {code} -t UTF-8 OLD > NEW"
    )


READER = Reader((".csv", ".csv.gz", ".tsv", ".tsv.gz"), read_csv, delimited=True)
