"""Items and candidates as a caller has them, checked and put into canonical order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute
from numpy.typing import NDArray

from sluice.choices.contract import NO_ANSWER, CandidatePool
from sluice.core.arrays import number_array, whole_array
from sluice.core.errors import DataError
from sluice.data.readers.columns import require_columns
from sluice.data.values.one_column import ids_of, one_column
from sluice.data.values.stringify import column_text, plain_column

# Arrow makes these functions at run time, so no type checker sees them.
pc: Any = compute
ITEM_COLUMNS = ("item", "text", "gold")
CANDIDATE_COLUMNS = ("item", "source", "content")
_READ = {"item", "source", "answer", "draw", "cost"}
UNKNOWN = -2
"""A gold answer that no candidate gives: equal to no code."""


@dataclass(frozen=True)
class Asked:
    """The pool, and how its items are called by the caller.

    Attributes
    ----------
    pool : CandidatePool
    names : list of int or str
        The caller's ids, in the order of the pool.
    places : ndarray of int64, shape (n,)
        Row of each of the pool's items in the caller's table.
    """

    pool: CandidatePool
    names: list[int | str]
    places: NDArray[np.int64]


def read_tables(items: object, candidates: object) -> Asked:
    """Read and check both tables.

    Parameters
    ----------
    items : Table, DataFrame or list of dict
        ``item``, ``text``, ``gold`` and what else there is.
    candidates : Table, DataFrame or list of dict
        ``item``, ``source``, ``content`` and, where there are, ``answer``, ``draw``, ``cost``.

    Returns
    -------
    Asked

    Raises
    ------
    DataError
        One is no table or lacks a column; ids repeat, are missing, or are of several types; a
        candidate is of an unknown item or has no source; a source has one draw twice; a cost is
        negative or infinite.
    """
    given = _columns(items, "items", ITEM_COLUMNS)
    offered = _columns(candidates, "candidates", CANDIDATE_COLUMNS)
    kind, ids, names = _ids(given["item"], "items")
    order = np.argsort(ids, kind="stable")
    ids = ids[order]
    twice = np.flatnonzero(ids[1:] == ids[:-1])
    if len(twice):
        raise DataError(
            f"The item {names[order[twice[0]]]!r} occurs twice in items (rows {order[twice[0]]} "
            f"and {order[twice[0] + 1]}); give each item once."
        )
    columns = {
        name: _column(values, name, "items").take(pa.array(order))
        for name, values in given.items()
        if name not in ("item", "gold")
    }
    gold = _texts(given["gold"], "gold", "items").take(pa.array(order))
    item = _places(offered["item"], ids, kind)
    source = _texts(offered["source"], "source", "candidates")
    if source.null_count:
        row = pc.index(pc.is_null(source), True).as_py()
        raise DataError(f"Row {row} of candidates has no source; say who answers.")
    content = _texts(offered["content"], "content", "candidates")
    answer = _texts(offered["answer"], "answer", "candidates") if "answer" in offered else content
    cost = _costs(offered.get("cost"), len(item))
    sources, source_codes = _coded(source)
    answers, answer_codes = _coded(answer, gold)
    gold_codes, answer_codes = answer_codes[len(item) :], answer_codes[: len(item)]
    draw, rows = _ordered(item, source_codes, sources, offered.get("draw"), (answer, content))
    pool = CandidatePool(
        items=ids,
        columns=columns,
        gold=gold_codes,
        sources=sources,
        answers=answers,
        item=item[rows],
        source=source_codes[rows],
        answer=answer_codes[rows],
        draw=draw,
        cost=cost[rows],
        contents={
            name: _column(values, name, "candidates").take(pa.array(rows))
            for name, values in offered.items()
            if name not in _READ
        },
        rows=rows,
    )
    return Asked(pool, [names[row] for row in order], order)


def _columns(table: object, name: str, required: Sequence[str]) -> dict[str, Any]:
    """Return the columns of a table by name, whatever holds it."""
    found = _by_name(table, name)
    if isinstance(table, list | tuple) and not table:
        return {column: [] for column in required}
    require_columns(list(required), [str(column) for column, _ in found], name)
    return {str(column): values for column, values in found}


def _by_name(table: Any, name: str) -> list[tuple[Any, Any]]:
    if hasattr(table, "columns") and hasattr(table, "iloc"):
        return [(column, table.iloc[:, at]) for at, column in enumerate(table.columns)]
    if callable(getattr(table, "get_columns", None)):  # of polars
        return [(each.name, each) for each in table.get_columns()]
    if isinstance(table, pa.RecordBatch) or (
        hasattr(table, "__arrow_c_stream__") and not isinstance(table, pa.Table | pa.ChunkedArray)
    ):
        table = pa.table(table)
    if isinstance(table, pa.Table):
        return list(zip(table.column_names, table.columns, strict=True))
    rows = cast("Sequence[Any]", table) if isinstance(table, list | tuple) else None
    if rows is not None and all(isinstance(row, Mapping) for row in rows):
        keys = list(dict.fromkeys(key for row in rows for key in row))
        return [(key, [row.get(key) for row in rows]) for key in keys]
    raise DataError(
        f"{name} is a {type(table).__name__} and no table; give an Arrow table, a data frame, or "
        "a list with one dict a row."
    )


def _column(values: object, column: str, table: str) -> pa.ChunkedArray:
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return pa.chunked_array([values]) if isinstance(values, pa.Array) else values
    name = f"The column {column!r} of {table}"
    try:
        return one_column(values, name)
    except DataError:
        # Of another task's: lists such as options.
        if column in (*ITEM_COLUMNS, *CANDIDATE_COLUMNS, *_READ):
            raise
        return pa.chunked_array([pa.array(list(cast("Any", values)))])


def _texts(values: object, column: str, table: str) -> pa.ChunkedArray:
    name = f"The column {column!r} of {table}"
    return column_text(one_column(values, name), name)


def _ids(values: Any, table: str) -> tuple[str, NDArray[np.str_], list[int | str]]:
    """Return whether ids are numbers or texts, the ids as texts, and as the caller wrote them."""
    name = f"The column 'item' of {table}"
    column = one_column(values, name)
    typed = isinstance(values, pa.Array | pa.ChunkedArray) or (
        hasattr(values, "dtype") and str(values.dtype) not in ("object", "Object")
    )
    given = column.to_pylist() if typed else list(values)
    if column.null_count:
        row = pc.index(pc.is_null(column), True).as_py()
        raise DataError(f"Row {row} of {table} has no item; give each its id.")
    kinds = {_kind(each) for each in set(map(type, given))}
    if len(kinds) > 1 or not kinds <= {"numbers", "texts"}:
        shown = " and ".join(sorted(kinds))
        raise DataError(f"{name} holds {shown}; give ids that are all numbers or all texts.")
    coded = plain_column(column, name).combine_chunks().dictionary_encode()
    texts = ids_of(coded.dictionary, len(coded.dictionary), name)
    return next(iter(kinds), ""), texts[coded.indices.to_numpy()], given


def _kind(of: type) -> str:
    if issubclass(of, bool | np.bool_):
        return "truths"
    if issubclass(of, str):
        return "texts"
    if issubclass(of, int | float | np.integer | np.floating):
        return "numbers"
    return of.__name__


def _places(values: object, ids: NDArray[np.str_], kind: str) -> NDArray[np.int64]:
    """Return the place of each candidate's item among the sorted ids."""
    other, wanted, names = _ids(values, "candidates")
    if other and kind and other != kind:
        raise DataError(
            f"The ids of items are {kind} and those of candidates {other}; write both alike."
        )
    places = np.searchsorted(ids, wanted).astype(np.int64)
    there = np.zeros(len(wanted), dtype=np.bool_)
    if len(ids):
        there = ids[np.minimum(places, len(ids) - 1)] == wanted
    if not there.all():
        row = int(np.flatnonzero(~there)[0])
        raise DataError(
            f"Row {row} of candidates answers the item {names[row]!r}, which is not in items; add "
            "the item, or leave the candidate out."
        )
    return places


def _costs(values: object | None, n: int) -> NDArray[np.float64]:
    if values is None:
        return np.zeros(n)
    cost = np.nan_to_num(number_array("The costs of candidates", values).astype(float), posinf=-1)
    if (cost < 0).any():
        row = int(np.flatnonzero(cost < 0)[0])
        raise DataError(
            f"The cost in row {row} of candidates is negative or infinite; give a number from 0, "
            "or leave it empty."
        )
    return cost


def _coded(*columns: pa.ChunkedArray) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Number texts in ascending order, over several columns; what is missing is `NO_ANSWER`."""
    chunks = [chunk for column in columns for chunk in column.cast(pa.string()).chunks]
    every = pa.chunked_array(chunks, pa.string()).combine_chunks().dictionary_encode()
    texts: list[str] = every.dictionary.to_pylist()
    codes = every.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False)
    order = sorted(range(len(texts)), key=texts.__getitem__)
    place = np.full(len(texts) + 1, NO_ANSWER, dtype=np.int64)
    place[order] = np.arange(len(texts))
    return tuple(texts[at] for at in order), place[codes]


def _ordered(
    item: NDArray[np.int64],
    source: NDArray[np.int64],
    sources: tuple[str, ...],
    draws: object | None,
    texts: tuple[pa.ChunkedArray, ...],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the draw of each candidate in canonical order, and the rows in that order.

    Several answers of one source without a draw are numbered by answer and content: those that
    are equal in both are one another's like, whichever comes first.
    """
    if draws is None:
        given, keys = None, [_coded(text)[1] for text in reversed(texts)]
    else:
        given = whole_array("The draws of candidates", draws)
        keys = [given]
    rows = np.lexsort((*keys, source, item))
    i, s = item[rows], source[rows]
    again = (i[1:] == i[:-1]) & (s[1:] == s[:-1])
    if given is not None:
        draw = given[rows]
        same = np.flatnonzero(again & (draw[1:] == draw[:-1]))
        if len(same):
            first, second = sorted((int(rows[same[0]]), int(rows[same[0] + 1])))
            raise DataError(
                f"Rows {first} and {second} of candidates are the same draw {draw[same[0]]} of "
                f"{sources[s[same[0]]]!r} for one item; give each draw once."
            )
        return draw, rows
    starts = np.concatenate([[True], ~again]) if len(i) else np.empty(0, dtype=np.bool_)
    begun = np.maximum.accumulate(np.where(starts, np.arange(len(i)), 0))
    return np.arange(len(i), dtype=np.int64) - begun, rows
