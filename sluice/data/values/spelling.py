"""How a value is spelt: one value in one way, and no two values alike.

The rule, for ids, labels and features, and for every file and every table of a caller:

* A number is its value, whatever its type, width or scale. A whole number is exact, and so is a
  float that is whole: 2**53 and 2**53 + 1 differ, 10**22 and 1e22 do not. A float with a fraction
  is the shortest decimal that gives it back in its own width, so that 0.1 is ``0.1`` as a float16,
  a float32, a float64 and a decimal. Decimals keep every digit; 1.50 is 1.5, and -0.0 is 0.
* A number written as text is the same number in cells and labels of tables, where ``007`` is no
  number but a code. With an exponent, the shortest form of a float64 is that float64.
* Truth is ``true`` or ``false``.
* A date is ``2024-01-31``, an instant ``2024-01-31T12:30:00``, a time of day ``12:30:00``, with a
  fraction of six digits, or nine, where there is one; whatever its unit. What names a zone is
  in UTC, with a ``Z``; what names none is another value. Midnight without a zone is its date.
* A duration is the number of its seconds.
* Bytes are the UTF-8 text that they hold. Dictionaries are their values.
* A text keeps its characters, line ends included. In ids, and in labels of texts, it is a value of
  its own: ``1.0`` and ``1`` are two ids where they are texts. In cells and labels of tables it is
  what it says (`sluice.data.values.cells.json_cells`).
* None, NaN, NaT and null are missing.

A number takes two forms: in JSON (`sluice.data.values.cells`) a float64 with an exponent from 1e15
on, and as text (`sluice.data.values.stringify`) with the digits of a whole number. Both follow
this rule.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

_INSTANT = re.compile(
    r"(?P<day>[+-]?\d{4,6}-\d{2}-\d{2})"
    r"(?:[ T](?P<clock>\d{2}:\d{2}(?::\d{2}(?:\.(?P<part>\d{1,9}))?)?)"
    r"(?P<zone>Z|[+-]\d{2}:?\d{2})?)?"
)
_CLOCK = re.compile(r"(\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?")
# As pandas and Python write it, "1 days 02:00:00" and "1 day, 2:00:00"; without days it may as well
# be a time of day.
_DURATION = re.compile(r"(-?\d{1,9}) days?,? \+?(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?")
_MOST_DIGITS = 400


def beyond_float(text: str, *, exact: bool = False) -> str | None:
    """Return the digits of a number that no float64 is, None where one is or it is infinite.

    Parameters
    ----------
    text : str
        A decimal number, with an exponent or not.
    exact : bool
        Whether an exponent means just that, and not the shortest form of a float64.
    """
    nearest = float(text)
    if math.isinf(nearest):
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent that not even Decimal takes; as a float64 it is 0
        return None
    shortest = number == Decimal(repr(nearest))
    if number != number.to_integral_value():
        return None if shortest else digits(number)
    as_float = not exact and shortest and "e" in text.lower()
    return None if as_float or number == Decimal(nearest) else digits(number)


def exact_number(text: str) -> float | Decimal:
    """Read a number with a fraction or an exponent, such as one of JSON: a float64 if it is one."""
    # Up to 15 digits, and a point, always come back, but for the tiniest numbers.
    short = len(text) <= 16 and "-" not in text[1:]
    return float(text) if short or beyond_float(text) is None else Decimal(text)


def digits(number: Decimal) -> str:
    """Write every digit of a finite decimal, without zeros behind; whole ones without exponent."""
    sign, figures, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    kept = len(figures)
    while kept > 1 and figures[kept - 1] == 0:
        kept -= 1
    if figures[:kept] == (0,):
        return "0"
    plain = Decimal((sign, figures[:kept], exponent + len(figures) - kept))
    if 0 <= plain.adjusted() < _MOST_DIGITS:
        return format(plain, "f")
    return str(plain).lower()


def float_text(value: float) -> str | None:
    """Write a float64 as text: ``3`` and not ``3.0``; NaN is None."""
    if math.isnan(value):
        return None
    return str(int(value)) if value.is_integer() else repr(value)


def decimal_text(number: Decimal) -> str | None:
    """Write a decimal as text, as a float64 where it is one; NaN is None."""
    if not number.is_finite():
        return float_text(float(number)) if not number.is_nan() else None
    if number == number.to_integral_value():
        return digits(number)
    return beyond_float(str(number)) or repr(float(number))


def moment_text(text: str) -> str | None:
    """Write a date, an instant or a time of day in one way; None where the text is none.

    What no calendar has, such as ``2024-13-01``, stays as it is.
    """
    found = _CLOCK.fullmatch(text)
    if found is not None:
        return found[1] + _fraction(found[2])
    found = _INSTANT.fullmatch(text)
    if found is None:
        return None
    day, clock, part, zone = found.group("day", "clock", "part", "zone")
    fraction = _fraction(part)
    if part is not None:
        clock = clock[: -len(part) - 1]
    try:
        instant = datetime.fromisoformat(f"{day}T{clock or '00:00'}{zone or ''}")
        if zone is not None:
            instant = instant.astimezone(UTC).replace(tzinfo=None)
        day, clock = instant.date().isoformat(), instant.time().isoformat("seconds")
    except (ValueError, OverflowError):
        # Years that Python has not are as Arrow writes them; anything else is no date.
        if re.fullmatch(r"(?!0000)\d{4}-.*", day) or zone not in (None, "Z") or not clock:
            return text
    if zone is None and not fraction and clock in (None, "00:00:00"):
        return day
    return f"{day}T{clock}{fraction}{'Z' if zone else ''}"


def _fraction(part: str | None) -> str:
    nanoseconds = (part or "").ljust(9, "0")
    if not int(nanoseconds):
        return ""
    return f".{nanoseconds[:6]}" if nanoseconds.endswith("000") else f".{nanoseconds}"


def duration_seconds(text: str) -> str | None:
    """Return the seconds of a duration with days, as a decimal text; None where it is none."""
    found = _DURATION.fullmatch(text)
    if found is None:
        return None
    days, hours, minutes, seconds = (int(part) for part in found.groups()[:4])
    return nanoseconds_text(
        (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 10**9
        + int((found[5] or "").ljust(9, "0"))
    )


def timedelta_seconds(value: timedelta) -> str:
    """Return the seconds of a duration of Python or pandas, as a decimal text."""
    whole = value.days * 86_400 + value.seconds
    below: int = getattr(value, "nanoseconds", 0)  # those of pandas have them
    return nanoseconds_text(whole * 10**9 + value.microseconds * 1000 + below)


def nanoseconds_text(count: int) -> str:
    """Return seconds as a decimal text: ``1.5`` of 1,500,000,000."""
    return decimal_text(Decimal(count).scaleb(-9)) or ""
