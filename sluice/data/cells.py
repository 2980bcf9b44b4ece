"""Cells of a table as JSON values: the same value gives the same one in every file format.

A cell is read by itself, never by its column, so that other rows coming or going never change it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as compute

from sluice.data.textual import plain_column
from sluice.errors import DataError

# Arrow makes these functions at run time, so no type checker sees them.
pc: Any = compute
# A leading zero makes a code, such as a postcode, and not a number (ours).
_NUMBER = r"^[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
)
_WORDS = {
    "nan": None,
    "true": "true",
    "false": "false",
    "inf": '"inf"',
    "+inf": '"inf"',
    "infinity": '"inf"',
    "+infinity": '"inf"',
    "-inf": '"-inf"',
    "-infinity": '"-inf"',
}
INFINITE = ("inf", "-inf")
"""How an infinite number is written: JSON has none."""


def json_cells(column: pa.Array, where: str) -> pa.Array:
    """Write a column as JSON values.

    Numbers are read as float64 and written in their shortest form: ``1``, ``1.0`` and the text
    ``"1"`` give ``1``. A text with leading zeros stays text. Truth (``True``, ``"TRUE"``) gives
    ``true``. Dates and instants give ISO texts: without a time of midnight, in UTC where they name
    an offset. Infinities give the text ``"inf"``. Other texts lose white space around them and
    are NFC. Blank and NaN give null.

    Parameters
    ----------
    column : Array
        Of any type but a nested one.
    where : str
        File and column, for messages.

    Returns
    -------
    Array of string
        JSON values; null where the cell is missing. Cost: vectorised numbers (about 0.1
        microseconds each), one Python call for each other distinct value.

    Raises
    ------
    DataError
        Where the type is nested, or holds bytes that are not UTF-8.
    """
    column = plain_column(column, where)
    kind = column.type
    if pa.types.is_boolean(kind):
        return column.cast(pa.string())
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_float64(kind):
        return _numbers(column.cast(pa.float64(), safe=False))
    try:
        texts = column.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(
            f"{where} holds {kind} that is no text: {error}. Store it as numbers or UTF-8 text."
        ) from None
    if pa.types.is_floating(kind):
        # The shortest text of a float32 is what was meant, not its digits as a float64.
        return _numbers(texts.cast(pa.float64()))
    coded = texts.dictionary_encode()
    return _texts(coded.dictionary).take(coded.indices)


def _numbers(values: pa.Array) -> pa.Array:
    values = pc.if_else(pc.is_nan(values), None, values)
    # Adding 0.0 makes -0.0 the same number as 0.0.
    written = pc.add(values, 0.0).cast(pa.string())
    if not pc.any(pc.is_inf(values)).as_py():
        return written
    named = pc.if_else(pc.greater(values, 0.0), '"inf"', '"-inf"')
    return pc.if_else(pc.is_inf(values), named, written)


def _texts(distinct: pa.Array) -> pa.Array:
    """Write distinct texts: those that are numbers at once, the others one by one."""
    stripped = pc.utf8_trim_whitespace(distinct)
    number = pc.match_substring_regex(stripped, _NUMBER)
    digits = pc.utf8_ltrim(pc.if_else(number, stripped, None), "+")
    written = _numbers(digits.cast(pa.float64()))
    others = pc.if_else(number, None, stripped).to_pylist()
    rest = pa.array([None if text is None else _word(text) for text in others], pa.string())
    return pc.coalesce(written, rest)


def _word(text: str) -> str | None:
    if not text:
        return None
    word = text.lower()
    if word in _WORDS:
        return _WORDS[word]
    if text[0].isdigit() and _INSTANT.fullmatch(text):
        text = _instant(text)
    elif not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return json.dumps(text, ensure_ascii=False)


def _instant(text: str) -> str:
    """Write an ISO date or instant in one way; what no calendar has stays as it is."""
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is not None:
            instant = instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return text
    if instant.tzinfo is not None:
        return instant.replace(tzinfo=None).isoformat() + "Z"
    if instant.time().replace(fold=0) == datetime.min.time():
        return instant.date().isoformat()
    return instant.isoformat()
