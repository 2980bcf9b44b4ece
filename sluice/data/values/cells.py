"""Cells of a table as JSON values: the same value gives the same one in every file format.

A cell is read by itself, never by its column, so that other rows coming or going never change it.
The rule is in `sluice.data.values.spelling`.
"""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pyarrow as pa
import pyarrow.compute as compute

from sluice.core.errors import DataError
from sluice.data.values.spelling import beyond_float, duration_seconds, moment_text
from sluice.data.values.stringify import moments, plain_column

# Arrow makes these functions at run time, so no type checker sees them.
pc: Any = compute
# A leading zero makes a code, such as a postcode, and not a number (ours).
_NUMBER = r"^[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
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
_LONGEST = 300  # a longer row of digits is a code, and no float64 reaches it
_FIGURES = frozenset("+-0123456789")
_EXACT = 2.0**53
INFINITE = ("inf", "-inf")
"""How an infinite number is written: JSON has none."""


def json_cells(column: pa.Array, where: str) -> pa.Array:
    """Write a column as JSON values.

    Numbers that are float64 are written in their shortest form, others with every digit: ``1``,
    ``1.0`` and the text ``"1"`` give ``1``. A text with leading zeros stays text. Truth (``True``,
    ``"TRUE"``) gives ``true``. Dates and instants give ISO texts: without a time of midnight, in
    UTC where they name an offset; durations the number of their seconds. Infinities, and numbers
    beyond float64, give the text ``"inf"``. Other texts lose white space around them and are NFC.
    Blank and NaN give null.

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
    if pa.types.is_float64(kind):
        return _numbers(column)
    if pa.types.is_integer(kind):
        return _whole(column)
    if pa.types.is_floating(kind):
        return _numbers(_widened(column))
    if pa.types.is_temporal(kind):
        coded = moments(column, where).dictionary_encode()
        number = pa.types.is_duration(kind)
        read = _digits(coded.dictionary, exact=True) if number else _texts(coded.dictionary)
        return read.take(coded.indices)
    try:
        texts = column.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(
            f"{where} holds {kind} that is no text: {error}. Store it as numbers or UTF-8 text."
        ) from None
    coded = texts.dictionary_encode()
    if pa.types.is_decimal(kind):
        return _digits(coded.dictionary, exact=True).take(coded.indices)
    return _texts(coded.dictionary).take(coded.indices)


def _numbers(values: pa.Array) -> pa.Array:
    values = pc.if_else(pc.is_nan(values), None, values)
    # Adding 0.0 makes -0.0 the same number as 0.0.
    written = pc.add(values, 0.0).cast(pa.string())
    if not pc.any(pc.is_inf(values)).as_py():
        return written
    named = pc.if_else(pc.greater(values, 0.0), '"inf"', '"-inf"')
    return pc.if_else(pc.is_inf(values), named, written)


def _whole(values: pa.Array) -> pa.Array:
    """Write integers: as float64 where they are one, else with their digits."""
    wide = values.cast(pa.float64(), safe=False)
    written = _numbers(wide)
    ends = pc.min_max(wide).as_py()
    if ends["max"] is None or max(-ends["min"], ends["max"]) < _EXACT:
        return written
    # Back again it is the same number, where a float64 has it; the largest floats are beyond.
    top = 2.0 ** (values.type.bit_width - (not pa.types.is_unsigned_integer(values.type)))
    held = pc.if_else(pc.less(wide, top), wide, 0.0).cast(values.type, safe=False)
    return pc.if_else(pc.equal(held, values), written, values.cast(pa.string()))


def _widened(values: pa.Array) -> pa.Array:
    """Make narrow floats float64: whole ones as they are, others by their shortest form."""
    wide = values.cast(pa.float64())
    if values.type == pa.float16():
        # Arrow has no shortest form of these.
        shortest = [None if v is None else float(str(v)) for v in values.to_numpy(False)]
        short = pa.array(shortest, pa.float64())
    else:
        short = values.cast(pa.string()).cast(pa.float64())
    return pc.if_else(pc.equal(pc.floor(wide), wide), wide, short)


def _digits(numbers: pa.Array, *, exact: bool = False) -> pa.Array:
    """Write distinct numbers that are texts: as float64 where they are one, else every digit."""
    written = _numbers(numbers.cast(pa.float64()))
    # Up to 15 digits always come back, but of the tiniest numbers, and so does a shortest form.
    doubtful = pc.or_(
        pc.greater(pc.utf8_length(numbers), 15), pc.match_substring_regex(numbers, "[eE]-[0-9]{3}")
    )
    long = pc.and_(doubtful, pc.not_equal(numbers, written))
    if not pc.any(long).as_py():
        return written
    beyond = [
        None if text is None else beyond_float(text, exact=exact)
        for text in pc.if_else(long, numbers, None).to_pylist()
    ]
    return pc.coalesce(pa.array(beyond, pa.string()), written)


def _texts(distinct: pa.Array) -> pa.Array:
    """Write distinct texts: those that are numbers at once, the others one by one."""
    stripped = pc.utf8_trim_whitespace(distinct)
    short = pc.less_equal(pc.utf8_length(stripped), _LONGEST)
    number = pc.and_(pc.match_substring_regex(stripped, _NUMBER), short)
    written = _digits(pc.utf8_ltrim(pc.if_else(number, stripped, None), "+"))
    others = pc.if_else(number, None, stripped).to_pylist()
    rest = pa.array([None if text is None else _word(text) for text in others], pa.string())
    return pc.coalesce(written, rest)


def _word(text: str) -> str | None:
    if not text:
        return None
    word = text.lower()
    if word in _WORDS:
        return _WORDS[word]
    if text[0] in _FIGURES:
        seconds = duration_seconds(text)
        if seconds is not None:
            return _digits(pa.array([seconds]), exact=True)[0].as_py()
        text = moment_text(text) or text
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return json.dumps(text, ensure_ascii=False)
