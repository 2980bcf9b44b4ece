"""A reader: files of records, a line ``key: value`` each (JSON), with a blank line between."""

import json

import pyarrow as pa

from sluice.core.bounded import read_bytes
from sluice.core.errors import DataError
from sluice.data.readers.columns import require_columns
from sluice.data.readers.contract import Reader


def read(path, shown, columns):
    data = read_bytes(path)
    try:
        blocks = [block.strip("\n") for block in data.decode("utf-8").split("\n\n")]
        pairs = [[line.split(": ", 1) for line in block.split("\n")] for block in blocks if block]
        rows = [{key: json.loads(value) for key, value in each} for each in pairs]
    except ValueError as error:
        raise DataError(f"{shown} is no file of notes: {error}. Write `key: value`.") from None
    if not rows:
        raise DataError(f"{shown} holds no note. Add one or remove the file.")
    table = pa.Table.from_pylist(rows)
    require_columns(columns or [], table.column_names, shown)
    return table if columns is None else table.select(columns)


READER = Reader(suffixes=(".note",), read=read)
