"""Columns of any type as texts, the same for the same values in every file format.

The rule is in `sluice.data.values.spelling`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute

from sluice.core.arrays import is_missing
from sluice.core.errors import DataError
from sluice.data.values.spelling import (
    decimal_text,
    float_text,
    moment_text,
    timedelta_seconds,
)

# Arrow makes these functions at run time, so no type checker sees them.
pc: Any = compute
Column = TypeVar("Column", pa.ChunkedArray, pa.Array)
_BEYOND = "<value out of range"
"""How Arrow writes an instant that it cannot; alike for several."""
_PARTS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
_PLAIN_EXTENSIONS = ("arrow.json", "arrow.bool8")


def value_text(value: object) -> str | None:
    """Write one value as text.

    Parameters
    ----------
    value : object
        A value of JSON, a number, a date, a time, a duration or bytes.

    Returns
    -------
    str or None
        Texts as they are; ``3`` and ``3.0`` as ``"3"``; truth as ``"true"`` or ``"false"``;
        what is missing as None; lists and objects as JSON; the others by the rule of
        `sluice.data.values.spelling`.

    Raises
    ------
    UnicodeDecodeError
        For bytes that are not UTF-8.
    """
    if value is None or isinstance(value, str):
        return value
    if is_missing(value):
        return None
    if isinstance(value, np.generic):
        return _of_numpy(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    for kinds, written in _WRITTEN:
        if isinstance(value, kinds):
            return written(value)
    return json.dumps(value, ensure_ascii=False, default=str)


_WRITTEN: list[tuple[type | tuple[type, ...], Callable[[Any], str | None]]] = [
    (float, float_text),
    ((int, UUID), str),
    (Decimal, decimal_text),
    (bytes, lambda value: value.decode()),
    # An offset may have seconds, which no text of ours has: as it is.
    ((date, datetime, time), lambda value: moment_text(value.isoformat()) or value.isoformat()),
    (timedelta, timedelta_seconds),
]
PLAIN = (str, bool, np.generic, float, int, UUID, Decimal, bytes, date, time, timedelta)
"""Types of Python's whose values are one value each."""


def _of_numpy(value: np.generic) -> str | None:
    if isinstance(value, np.floating):
        return _shortest(value)
    if isinstance(value, np.datetime64 | np.timedelta64):
        return column_text(pa.chunked_array([pa.array(np.array([value]))]), "a value")[0].as_py()
    return value_text(value.item())


def column_text(column: pa.ChunkedArray, where: str) -> pa.ChunkedArray:
    """Write a column as texts.

    Parameters
    ----------
    column : ChunkedArray
        Of any type but a nested one.
    where : str
        File and column, for messages.

    Returns
    -------
    ChunkedArray of string
        By the rules of `value_text`.

    Raises
    ------
    DataError
        Where the type is nested, or holds bytes that are not UTF-8.
    """
    column = plain_column(column, where)
    kind = column.type
    if pa.types.is_temporal(kind):
        return _by_value(moments(column, where), lambda text: moment_text(text) or text)
    try:
        if pa.types.is_floating(kind):
            return _floats(column)
        if pa.types.is_decimal(kind):
            # Arrow numbers no values of narrower ones.
            wide = column if kind.bit_width > 64 else column.cast(pa.decimal128(18, kind.scale))
            return _by_value(wide, decimal_text)
        return column.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(
            f"{where} holds {kind} that is not text: {error}. Store it as UTF-8 text."
        ) from None


def plain_column(column: Column, where: str) -> Column:
    """Return a column with its dictionary, if any, resolved.

    Raises
    ------
    DataError
        Where the type is nested, or an extension of Arrow that holds no plain value, such as
        intervals and periods.
    """
    kind = column.type
    if pa.types.is_run_end_encoded(kind):
        column = pc.run_end_decode(column)
    elif pa.types.is_dictionary(kind) and not isinstance(kind.value_type, pa.BaseExtensionType):
        column = column.cast(kind.value_type)
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        if kind.extension_name == "arrow.uuid":
            return _map(
                column, lambda part: pa.array(map(value_text, part.to_pylist()), pa.string())
            )
        if kind.extension_name in _PLAIN_EXTENSIONS:
            return column.cast(kind.storage_type)
    if pa.types.is_nested(kind) or pa.types.is_dictionary(kind) or _is_strange(kind):
        raise DataError(
            f"{where} holds {kind}, not one text or number a row. Write such values into a "
            "column of their own first."
        )
    return column


def _is_strange(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.BaseExtensionType) or pa.types.is_interval(kind)


def moments(column: Column, where: str) -> Column:
    """Write dates, instants and times of day as ISO texts, durations as their seconds.

    Raises
    ------
    DataError
        A type that Arrow cannot write.
    """
    kind = column.type
    if pa.types.is_duration(kind):
        places = _PARTS[kind.unit]
        return _map(
            column.cast(pa.int64()),
            lambda part: _written(part, lambda count: decimal_text(Decimal(count).scaleb(-places))),
        )
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        # In UTC, whatever zones this machine knows.
        column = column.cast(pa.timestamp(kind.unit, "UTC"))
    written = column.cast(pa.string())
    if pc.any(pc.starts_with(written, _BEYOND)).as_py():
        raise DataError(
            f"{where} holds an instant that no calendar reaches (years beyond 32767). Is its unit "
            f"right? Arrow says {kind}. Write it again, or leave it empty."
        )
    return written


def _map(column: Column, write: Callable[[pa.Array], pa.Array]) -> Column:
    if isinstance(column, pa.ChunkedArray):
        return pa.chunked_array([write(part) for part in column.chunks], pa.string())
    return write(column)


def _written(part: pa.Array, write: Callable[[Any], str | None]) -> pa.Array:
    """Write each distinct value once: labels repeat."""
    coded = part.dictionary_encode()
    texts = [None if value is None else write(value) for value in coded.dictionary.to_pylist()]
    return pa.array(texts, pa.string()).take(coded.indices)


def _by_value(column: pa.ChunkedArray, write: Callable[[Any], str | None]) -> pa.ChunkedArray:
    return _map(column, lambda part: _written(part, write))


def _floats(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if column.type == pa.float64():
        return _by_value(column, float_text)
    # item() of a float32 would show its double; its own shortest form is what was meant.
    return _map(
        column,
        lambda part: pa.array(
            [None if v is None else _shortest(v) for v in part.to_numpy(False)], pa.string()
        ),
    )


def _shortest(value: Any) -> str | None:
    whole = np.isfinite(value) and value == np.floor(value)
    return float_text(float(value) if whole else float(str(value)))
