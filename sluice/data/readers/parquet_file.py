"""Parquet files, whose pages may stand for far more than they hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sluice.core.bounded import MOST_GIB, gib, limit, read_bytes, too_large
from sluice.core.errors import DataError
from sluice.data.readers.columns import require_columns
from sluice.data.readers.contract import Reader
from sluice.data.readers.foreign import refuse_foreign
from sluice.data.readers.table_bounds import (
    check_rows,
    check_table,
    check_type,
    check_width,
    written_out,
)

_MAGIC = b"PAR1"
_REPEATING = ("PLAIN_DICTIONARY", "RLE_DICTIONARY", "DELTA_BYTE_ARRAY")
"""Encodings in which a value takes fewer bytes than it has."""
_BATCH_ROWS, _BATCH_BYTES = 65_536, 64 << 20


def read_parquet(path: Path, shown: str, columns: list[str] | None) -> pa.Table:
    """Read a Parquet file.

    Its size is worked out before its values are made: what the metadata says, and of texts that
    repeat, or share their beginnings, what they come to.

    Parameters
    ----------
    path : Path
    shown : str
        Its name for messages.
    columns : list of str or None
        Columns to read, or all.

    Returns
    -------
    Table
        At least one row.

    Raises
    ------
    DataError
        The file is broken, too large, has no row, or lacks a column.
    OSError
        It cannot be read.
    """
    data = read_bytes(path)
    if not data.startswith(_MAGIC):
        refuse_foreign(data, shown)
    try:
        with pq.ParquetFile(pa.BufferReader(data)) as file:
            names = file.schema_arrow.names
            check_width(names, file.metadata.num_rows, shown)
            check_rows(file.metadata.num_rows, len(data), shown)
            for field in file.schema_arrow:
                check_type(field.type, f"{shown}: the column {field.name!r}")
            require_columns(columns or [], names, shown)
            _check_size(data, file.metadata, names if columns is None else columns, shown)
            table = file.read(columns)
    except (pa.ArrowException, OSError, MemoryError) as error:
        # Arrow reports damaged pages as OSError without a number.
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(
            f"{shown} is not a whole Parquet file: {reason} Write or copy it again."
        ) from None
    if table.num_rows == 0:
        raise DataError(f"{shown} holds columns and no row. Add rows or remove the file.")
    return check_table(table, shown)


def _check_size(data: bytes, metadata: Any, columns: list[str], shown: str) -> None:
    most, total = limit(MOST_GIB), 0
    unclear: list[tuple[int, str, int]] = []
    for group, chunk, width in _chunks(metadata):
        path, size = chunk.path_in_schema, chunk.total_uncompressed_size
        if not any(path == name or path.startswith(f"{name}.") for name in columns):
            continue
        repeats = width == 0 and any(name in chunk.encodings for name in _REPEATING)
        # No value is larger than its chunk: most files are seen to be small enough by that.
        if repeats and chunk.num_values * size > most // 8:
            unclear.append((group, path, size))
        else:
            total += max(size, width * chunk.num_values)
    if total > most:
        raise too_large(shown, f"holds {gib(total)} once it is read")
    for group, path, size in unclear:
        total += _written_out(data, group, path, size, most)
        if total > most:
            raise too_large(shown, f"holds more than {gib(most)} once it is read")


def _chunks(metadata: Any) -> Iterator[tuple[int, Any, int]]:
    """Yield group and chunk of each column, and the bytes of each value, 0 where they differ."""
    kinds = [metadata.schema.column(place) for place in range(metadata.num_columns)]
    widths = [0 if k.physical_type == "BYTE_ARRAY" else max(8, k.length or 0) for k in kinds]
    for group in range(metadata.num_row_groups):
        rows = metadata.row_group(group)
        for place, width in enumerate(widths):
            yield group, rows.column(place), width


def _written_out(data: bytes, group: int, path: str, size: int, most: int) -> int:
    """Return what the texts of one chunk come to, or more than `most` as soon as they do."""
    try:
        return _total(data, group, path, [path], _BATCH_ROWS, most)
    except (pa.ArrowNotImplementedError, OSError):
        # Arrow cannot number all that repeats: so few rows at a time that they fit in any case.
        few = min(_BATCH_ROWS, _BATCH_BYTES // size + 1)
        return _total(data, group, path, [], few, most)


def _total(data: bytes, group: int, path: str, numbered: list[str], rows: int, most: int) -> int:
    total = 0
    with pq.ParquetFile(pa.BufferReader(data), read_dictionary=numbered) as file:
        for batch in file.iter_batches(rows, row_groups=[group], columns=[path]):
            total += max(batch.nbytes, sum(map(written_out, batch.columns)))
            if total > most:
                break
    return total


READER = Reader((".parquet",), read_parquet)
