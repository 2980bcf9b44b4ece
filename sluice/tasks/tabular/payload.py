"""Rows of a table as one text each: what stands for the text in everything that follows."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as compute

from sluice.core.errors import DataError
from sluice.data.readers.columns import require_columns
from sluice.data.readers.saved_index import saved_index
from sluice.data.values.cells import INFINITE, json_cells
from sluice.tasks.tabular.config import TableColumns

# Arrow makes these functions at run time, so no type checker sees them.
pc: Any = compute
_ROWS = 1 << 16
_EMPTY = re.compile(r'\{(?:"(?:[^"\\]|\\.)*":null,?)+\}')
_INFINITE = tuple(f'"{name}"' for name in INFINITE)


def index_of(table: pa.Table, columns: TableColumns) -> list[str]:
    """Return the columns of a file that are a saved index; none where the features are named."""
    known = [*columns.named, *columns.types]
    return [] if columns.features is not None else saved_index(table, known)


def feature_columns(
    columns: TableColumns, present: list[str], shown: str, index: Sequence[str] = ()
) -> list[str]:
    """Return the columns of a file that are learnt from, by name.

    Parameters
    ----------
    columns : TableColumns
        Of the configuration.
    present : list of str
        Columns of the file.
    shown : str
        The file, for messages.
    index : sequence of str, optional
        Columns that are none, see `index_of`.

    Raises
    ------
    DataError
        Where a named one is missing, none is left, or one that nobody named has no name.
    """
    special = list(columns.special.values())
    require_columns([*special, *(columns.features or []), *columns.types], present, shown)
    if columns.features is not None:
        return sorted(columns.features)
    left = sorted(set(present) - set(special) - set(index))
    require_columns(left, present, shown)
    if not left:
        raise DataError(
            f"{shown} has no column besides {', '.join(map(repr, special))}, so there is nothing "
            "to learn from. Add columns of features."
        )
    if not left[0].strip():
        raise DataError(
            f"{shown} has a column without a name, such as a saved row number. Name it, remove "
            "it, or name the columns to learn from under features."
        )
    return left


def row_texts(table: pa.Table, features: list[str], shown: str) -> pa.ChunkedArray:
    """Write each row as one JSON object: sorted keys, no spaces, values of `json_cells`.

    Equal rows give equal texts, and a row's text depends on that row alone. Cost: about 0.2
    microseconds a cell, and the texts in memory.

    Parameters
    ----------
    table : Table
        With the features, of any types but nested ones.
    features : list of str
        Columns that count.
    shown : str
        The file, for messages.

    Returns
    -------
    ChunkedArray of string
        No null: a missing cell is ``null`` inside its row.

    Raises
    ------
    DataError
        Where a column is nested or holds bytes that are not UTF-8.
    """
    names = sorted(features)
    keys = [f"{'{,'[place > 0]}{column_key(name, shown)}:" for place, name in enumerate(names)]
    chunks: list[pa.Array] = []
    for batch in table.select(names).to_batches(max_chunksize=_ROWS):
        pieces: list[pa.Array | str] = []
        for place, name in enumerate(names):
            cells = json_cells(batch.column(place), f"{shown}: the column {name!r}")
            pieces += [keys[place], cells.fill_null("null")]
        chunks.append(pc.binary_join_element_wise(*pieces, "}", ""))
    return pa.chunked_array(chunks, pa.string())


def column_key(name: str, shown: str) -> str:
    """Write the name of a column as a key of JSON.

    Raises
    ------
    DataError
        It holds half of a surrogate pair.
    """
    key = json.dumps(name, ensure_ascii=False)
    try:
        key.encode()
    except UnicodeEncodeError:
        raise DataError(
            f"{shown} has a column whose name {name!r} is no text. Rename it."
        ) from None
    return key


def shown_row(text: str) -> str:
    """Return a row for people: its columns that have a value, ``"carrier B6 · distance 1069"``."""
    cells = json.loads(text).items()
    return " · ".join(f"{name} {value}" for name, value in cells if value is not None)


def is_empty_row(text: str) -> bool:
    """Whether every cell of a row is missing."""
    return _EMPTY.fullmatch(text) is not None


def infinite_column(text: str, types: Mapping[str, str]) -> str | None:
    """Return the first column of a row that holds an infinite number, or None.

    A column whose type is given as categorical holds words and no numbers.
    """
    if not any(mark in text for mark in _INFINITE):
        return None
    for name, value in json.loads(text).items():
        if value in INFINITE and types.get(name) != "categorical":
            return name
    return None
