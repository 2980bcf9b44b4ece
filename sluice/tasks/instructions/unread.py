"""What stands beside conversations and is not read: rows that differ there are kept apart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator
from typing import Any

import pyarrow as pa

from sluice.core.message_lists import named

_READ = ("role", "content", "from", "value")


def unread_cells(
    table: pa.Table, read: Collection[str], messages: Collection[str]
) -> list[str | None]:
    """Digest what a conversation does not take of each row.

    Parameters
    ----------
    table : Table
        As `sluice.data.ingest.raw.read_file` returns it.
    read : collection of str
        Columns that mean something.
    messages : collection of str
        The columns of messages, whose objects may have further keys.

    Returns
    -------
    list of str or None
        A JSON object of column (``messages.key`` for a key of messages) to a short digest; None
        where nothing is left out. Blank cells are nothing.
    """
    rows: list[dict[str, str]] = [{} for _ in range(table.num_rows)]
    for name in table.column_names:
        if name in read:
            continue
        for row, value in zip(rows, table.column(name).to_pylist(), strict=True):
            bare = _bare(value)
            if bare is not None:
                row[name] = _short(bare)
    for name in messages:
        for row, cell in zip(rows, table.column(name).to_pylist(), strict=True):
            for key, values in _further(cell):
                row[f"{name}.{key}"] = _short(values)
    return [json.dumps(row, sort_keys=True) if row else None for row in rows]


def _further(cell: object) -> Iterator[tuple[str, list[Any]]]:
    """Yield each further key of a cell's messages, with its value in every message."""
    if isinstance(cell, str):
        try:
            cell = json.loads(cell)
        except (ValueError, RecursionError):
            return
    if isinstance(cell, dict):
        # An object of lists, as datasets stores them.
        found = {str(key): _bare(value) for key, value in cell.items() if key not in _READ}
        yield from ((key, [value]) for key, value in found.items() if value is not None)
        return
    objects = [each for each in cell if isinstance(each, dict)] if isinstance(cell, list) else []
    for key in dict.fromkeys(key for each in objects for key in each if key not in _READ):
        values = [_bare(each.get(key)) for each in objects]
        if any(value is not None for value in values):
            yield str(key), values


def _bare(value: Any) -> Any:
    """Leave out what is blank, and the nulls by which Parquet fills objects up."""
    if isinstance(value, dict):
        parts = {str(key): _bare(part) for key, part in value.items()}
        value = {key: parts[key] for key in sorted(parts) if parts[key] is not None}
    elif isinstance(value, list):
        value = [_bare(part) for part in value]
    blank = value is None or (isinstance(value, float) and value != value)
    empty = isinstance(value, str | list | dict) and not (
        value.strip() if isinstance(value, str) else value
    )
    return None if blank or empty else value


def _short(value: object) -> str:
    return hashlib.sha256(repr(value).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def unread_warning(table: pa.Table) -> list[str]:
    """Name what is not read of rows of instructions, where there is anything."""
    cells = {cell for cell in table["unread"].to_pylist() if cell is not None}
    names = sorted({name for cell in cells for name in json.loads(cell)})
    if not names:
        return []
    return [
        f"not_read: {named(names)} {'is' if len(names) == 1 else 'are'} in the files and no part "
        "of the conversations; rows that differ only there are kept as different ones. Name what "
        "means something under columns in dataset.yaml (options of `sluice add`): system, "
        "history, input, family, tags, quality, id, group or split."
    ]
