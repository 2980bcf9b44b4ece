"""Columns of any type as texts, the same for the same values in every file format."""

from __future__ import annotations

import json
import math
from typing import Any, TypeVar

import pyarrow as pa

from sluice.errors import DataError

Column = TypeVar("Column", pa.ChunkedArray, pa.Array)


def value_text(value: object) -> str | None:
    """Write one value as text.

    Parameters
    ----------
    value : object
        A value of JSON.

    Returns
    -------
    str or None
        Texts as they are; ``3`` and ``3.0`` as ``"3"``; truth as ``"true"`` or ``"false"``;
        nothing and NaN as None; lists and objects as JSON.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, int):
        return str(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def _float_text(value: float) -> str | None:
    if math.isnan(value):
        return None
    return str(int(value)) if value.is_integer() else repr(value)


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
    try:
        if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
            return _numbers(column)
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
        Where the type is nested.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_nested(kind):
        raise DataError(
            f"{where} holds {kind}, not one text or number a row. Write such values into a "
            "column of their own first."
        )
    return column


def _numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    # Labels repeat: each distinct number is written once.
    pieces: list[Any] = []
    for chunk in column.chunks:
        coded = chunk.dictionary_encode()
        # item() of a float32 would show its double; its own shortest form is what was meant.
        wide = coded.dictionary
        if pa.types.is_floating(wide.type) and wide.type != pa.float64():
            texts = [None if v is None else _shortest(v) for v in wide.to_numpy(False)]
        else:
            texts = [None if v is None else _float_or_decimal(v) for v in wide.to_pylist()]
        pieces.append(pa.array(texts, pa.string()).take(coded.indices))
    return pa.chunked_array(pieces, pa.string())


def _shortest(value: Any) -> str | None:
    return _float_text(float(str(value)))


def _float_or_decimal(value: Any) -> str | None:
    if isinstance(value, float):
        return _float_text(value)
    whole = value == value.to_integral_value()
    return str(int(value)) if whole else format(value.normalize(), "f")
