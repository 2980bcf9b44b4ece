"""How many rows to keep: a count, or a share of the rows."""

from __future__ import annotations

import re
from fractions import Fraction
from numbers import Integral, Real

from sluice.errors import BudgetError

_COUNT = re.compile(r"[+-]?\d+")
_SHARE = re.compile(r"[+-]?(\d+\.\d*|\.\d+)")
_PERCENT = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))\s*%")
_HELP = "Give a count (100), a share between 0 and 1 (0.04), or a percentage ('4%')."


def parse_budget(value: object, n: int) -> int:
    """Number of rows that a budget means for `n` rows.

    Parameters
    ----------
    value : int, float or str
        A count of at least 1 (``100``, ``"100"``), a share strictly between 0 and 1 (``0.04``,
        ``"0.04"``), or a percentage above 0 and up to 100 (``"4%"``, ``"100%"``).
    n : int
        Rows there are.

    Returns
    -------
    int
        From 1 to `n`. A share is rounded half up, exactly (0.29 of 50 is 14.5, hence 15), and
        is at least 1.

    Raises
    ------
    BudgetError
        Not a number, not positive, a count above `n`, or a float of 1 or more, which could
        mean a count or a share.
    """
    if n < 1:
        raise BudgetError(f"Budget {value!r} of {n} rows: there is nothing to pick from.")
    exact = _exact(value)
    if isinstance(exact, Fraction):
        return max(1, int(exact * n + Fraction(1, 2)))
    if exact < 1:
        raise BudgetError(f"Budget {value!r} is not positive. {_HELP}")
    if exact > n:
        raise BudgetError(f"Budget {value!r} is more than the {n} rows there are. {_HELP}")
    return exact


def _exact(value: object) -> int | Fraction:
    """Return a count as int, or a share in (0, 1] as Fraction."""
    if isinstance(value, str):
        return _of_text(value)
    if isinstance(value, bool) or not isinstance(value, Real):
        raise BudgetError(f"Budget {value!r} is not a number. {_HELP}")
    if isinstance(value, Integral):
        return int(value)
    number = float(value)
    if not (0 < number < float("inf")):
        raise BudgetError(f"Budget {value!r} is not a positive number. {_HELP}")
    if number >= 1:
        raise BudgetError(
            f"Budget {value!r} could mean a count or a share: write {number:.0f} for a count, "
            "or '100%' for all rows."
        )
    # the decimal as it was written: 0.29 is 29/100, and not the float just below it
    return Fraction(repr(number))


def _of_text(text: str) -> int | Fraction:
    stripped = text.strip()
    if _COUNT.fullmatch(stripped):
        return int(stripped)
    percent = _PERCENT.fullmatch(stripped)
    if percent:
        share, top = Fraction(percent[1]) / 100, Fraction(1)
    elif _SHARE.fullmatch(stripped):
        share, top = Fraction(stripped), None
    else:
        raise BudgetError(f"Budget {text!r} is not a number. {_HELP}")
    if share <= 0:
        raise BudgetError(f"Budget {text!r} is not positive. {_HELP}")
    if share > 1 or (top is None and share == 1):
        raise BudgetError(f"Budget {text!r} is not below 1. {_HELP}")
    return share
