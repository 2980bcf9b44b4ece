"""Arrow IPC files, whose buffers may be packed."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from sluice.core.bounded import MOST_GIB, gib, limit, read_bytes, too_large
from sluice.core.errors import DataError
from sluice.data.readers.columns import require_columns
from sluice.data.readers.contract import Reader
from sluice.data.readers.foreign import refuse_foreign
from sluice.data.readers.table_bounds import check_rows, check_table, check_type, check_width

_MAGIC = b"ARROW1"


def read_arrow(path: Path, shown: str, columns: list[str] | None) -> pa.Table:
    """Read an Arrow IPC file, of the streaming format (as `datasets` writes it) or the other.

    Raises
    ------
    DataError
        It is broken, too large, has no row, or lacks a column.
    """
    data = read_bytes(path)
    # The streaming format begins with the length of its schema, and the mark of it.
    if not data.startswith((_MAGIC, b"\xff\xff\xff\xff")):
        refuse_foreign(data, shown)
    try:
        opened = pa.ipc.open_file if data.startswith(_MAGIC) else pa.ipc.open_stream
        reader = opened(pa.BufferReader(data))
        check_width(reader.schema.names, 0, shown)
        for field in reader.schema:
            check_type(field.type, f"{shown}: the column {field.name!r}")
        size = sum(map(_unpacked_size, _messages(data)))
        if size > limit(MOST_GIB):
            raise too_large(shown, f"holds {gib(size)} once it is read")
        table = reader.read_all()
    except (pa.ArrowException, OSError, MemoryError, struct.error) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(
            f"{shown} is not a whole Arrow file: {reason} Write or copy it again."
        ) from None
    require_columns(columns or [], table.column_names, shown)
    if table.num_rows == 0:
        raise DataError(f"{shown} holds columns and no row. Add rows or remove the file.")
    check_rows(table.num_rows, len(data), shown)
    table = check_table(table, shown)
    return table if columns is None else table.select(columns)


def _messages(data: bytes) -> Iterator[pa.Message]:
    """Yield the messages of a file: the format with a footer holds a stream, from byte 8 on."""
    source = pa.BufferReader(data)
    source.seek(8 if data.startswith(_MAGIC) else 0)
    reader = pa.ipc.MessageReader.open_stream(source)
    while True:
        try:
            yield reader.read_next_message()
        except StopIteration:
            return


def _unpacked_size(message: pa.Message) -> int:
    """Return the bytes of a message's buffers once they are unpacked, as each of them says.

    Arrow has no way to ask, so this reads the message's header (a flatbuffer, see Message.fbs and
    Schema.fbs of the format): each packed buffer begins with its size, -1 where it is not packed.
    """
    header, body = memoryview(message.metadata), message.body
    root = _int(header, 0)
    batch = _pointed(header, root, 2)
    if message.type == "dictionary" and batch:
        batch = _pointed(header, batch, 1)
    packed, buffers = _pointed(header, batch, 3), _pointed(header, batch, 2)
    if message.type not in ("record batch", "dictionary") or not (packed and buffers) or not body:
        return message.body.size if body else 0
    total = 0
    for place in range(_int(header, buffers)):
        start, length = struct.unpack_from("<qq", header, buffers + 4 + 16 * place)
        if length >= 8:
            size = struct.unpack_from("<q", memoryview(body), start)[0]
            total += length if size < 0 else size
    return total


def _int(data: memoryview, at: int) -> int:
    return struct.unpack_from("<i", data, at)[0]


def _pointed(data: memoryview, table: int, field: int) -> int:
    """Return where a field of a flatbuffer's table points to, 0 where it is absent."""
    if not table:
        return 0
    fields = table - _int(data, table)
    if 4 + 2 * field >= struct.unpack_from("<H", data, fields)[0]:
        return 0
    offset = struct.unpack_from("<H", data, fields + 4 + 2 * field)[0]
    at = table + offset
    return at + _int(data, at) if offset else 0


READER = Reader((".arrow",), read_arrow)
