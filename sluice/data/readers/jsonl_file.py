"""Files of one JSON object a line."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from sluice.core.bounded import read_bytes
from sluice.core.errors import DataError
from sluice.data.readers.columns import require_columns
from sluice.data.readers.contract import Reader
from sluice.data.readers.csv_file import not_utf8
from sluice.data.readers.foreign import refuse_foreign
from sluice.data.readers.json_text import read_json
from sluice.data.readers.table_bounds import check_width
from sluice.data.values.stringify import value_text

# Not splitlines: JSON may hold U+2028 and its kin inside a text.
LINE_END = re.compile(r"(\r\n|\r|\n)")
"""What ends a line; split by it, every other part is a line."""
_WRITTEN = b"sluice.written"


def read_jsonl(path: Path, shown: str, columns: list[str] | None) -> pa.Table:
    """Read a JSONL file.

    Blank lines are passed over. A key that some objects lack is null there. The file is held in
    memory while it is read. Cost: about 2 microseconds a value.

    Parameters
    ----------
    path : Path
        The file.
    shown : str
        Its name for messages.
    columns : list of str or None
        Columns to read, as texts by the rules of `value_text`; or None for all, with the types
        that their values share, and as texts where they share none.

    Returns
    -------
    Table
        At least one row.

    Raises
    ------
    DataError
        Where the file is empty, not UTF-8, has a broken line, or lacks a column.
    """
    rows = [row for _, row in json_rows(path, shown)]
    present = list(dict.fromkeys(key for row in rows for key in row))
    check_width(present, len(rows), shown)
    require_columns(columns or [], present, shown)
    if columns is None:
        return table_of_objects(rows)
    return pa.table({name: _texts(rows, name, shown) for name in columns})


def table_of_objects(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Make a table of objects: types that the values of a key share, texts where they share none.

    A key that some objects lack is null there.
    """
    present = list(dict.fromkeys(key for row in rows for key in row))
    table = pa.table({name: _shared([row.get(name) for row in rows]) for name in present})
    written = {
        name: number
        for name in present
        if pa.types.is_string(table.schema.field(name).type)
        and (number := _first_nested([row.get(name) for row in rows]))
    }
    return table.replace_schema_metadata({_WRITTEN: json.dumps(written)}) if written else table


def json_rows(path: Path, shown: str) -> list[tuple[int, dict[str, Any]]]:
    """Read the objects of a JSONL file, each with its line (from 1).

    Parameters
    ----------
    path : Path
    shown : str
        Its name for messages.

    Returns
    -------
    list of (int, dict)
        At least one; blank lines are passed over.

    Raises
    ------
    DataError
        Where the file is empty, not UTF-8, or has a broken line.
    """
    data = read_bytes(path, lines=True)
    refuse_foreign(data, shown)
    try:
        content = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise not_utf8(data, error, shown) from None
    rows: list[tuple[int, dict[str, Any]]] = []
    for number, line in enumerate(LINE_END.split(content)[::2], start=1):
        if not line.strip():
            continue
        try:
            row = read_json(line)
        except UnicodeEncodeError:
            raise DataError(
                f"{shown}, line {number}: holds half of a surrogate pair (\\ud800 to \\udfff), "
                "which is no text. Write the file again as UTF-8."
            ) from None
        except ValueError as error:
            raise DataError(
                f"{shown}, line {number}: is not JSON: {error}. Write one whole object a line."
            ) from None
        if not isinstance(row, dict):
            raise DataError(
                f"{shown}, line {number}: is not an object but {line.strip()[:40]!r}. Write one "
                'object a line, such as {"text": "...", "label": "..."}.'
            )
        rows.append((number, row))
    if not rows:
        raise DataError(f"{shown} is empty. Put rows into it or remove it.")
    return rows


def refuse_written(table: pa.Table, columns: Sequence[str], shown: str) -> None:
    """Raise where lists or objects of a column stand beside plain values, as texts.

    Parameters
    ----------
    table : Table
        As `read_jsonl` returns it, or of another kind of file.
    columns : sequence of str
        Those that hold one text or number a row.
    shown : str
        The file, for messages.

    Raises
    ------
    DataError
        With column and row.
    """
    written: dict[str, int] = json.loads((table.schema.metadata or {}).get(_WRITTEN, b"{}"))
    for name in columns:
        if name in written:
            raise _nested(name, written[name], shown)


def _first_nested(values: list[Any]) -> int:
    """Return the first row, from 1, that holds a list or an object; 0 where none does."""
    places = (place for place, value in enumerate(values, 1) if isinstance(value, list | dict))
    return next(places, 0)


def _nested(name: str, number: int, shown: str) -> DataError:
    return DataError(
        f"{shown}: row {number} holds a list or an object in the column {name!r}, not "
        "one text or number. Write such values into a column of their own first."
    )


def _texts(rows: list[dict[str, Any]], name: str, shown: str) -> pa.Array:
    values = [row.get(name) for row in rows]
    number = _first_nested(values)
    if number:
        raise _nested(name, number, shown)
    return pa.array([value_text(value) for value in values], pa.string())


def _shared(values: list[Any]) -> pa.Array:
    kinds = set(map(type, values)) - {type(None)}
    try:
        # Arrow would make numbers of truths beside them.
        if bool not in kinds or len(kinds) == 1:
            return pa.array(values)
    # Of several types, or beyond 64 bits, or beside floats that would not hold them.
    except (pa.ArrowException, OverflowError):
        pass
    return pa.array([value_text(value) for value in values], pa.string())


READER = Reader((".jsonl",), read_jsonl)
