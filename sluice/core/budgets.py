"""How many rows to keep: a count, or a share of the rows."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from numbers import Integral, Real

from sluice.core.errors import BudgetError

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


def budget_label(value: object) -> str:
    """How a budget is spelt wherever it names something: ``10%`` for a share, ``500`` for a count.

    Two budgets have one label only where they are the same number, and `parse_budget` reads it
    back as that.

    Parameters
    ----------
    value : int, float or str
        See `parse_budget`.

    Raises
    ------
    BudgetError
        It is no budget.
    """
    exact = _exact(value)
    if isinstance(exact, int):
        return str(exact)
    percent = exact * 100
    short = f"{float(percent):g}%"
    if _PERCENT.fullmatch(short) and _of_text(short) == exact:
        return short
    whole = Decimal(percent.numerator) / Decimal(percent.denominator)
    return f"{whole:f}%"


def budget_of(method: str, sized: bool, value: object, n: int) -> int | None:
    """Number of rows that a budget means to a method; None leaves it to the method.

    Parameters
    ----------
    method : str
        Name of the selector, for the message.
    sized : bool
        Whether the method decides by itself how many rows it keeps.
    value : int, float, str or None
        See `parse_budget`; None for what the method keeps by itself.
    n : int
        Rows there are.

    Raises
    ------
    BudgetError
        None, and the method has no size of its own; or see `parse_budget`.
    """
    if value is not None:
        return parse_budget(value, n)
    if not sized:
        raise BudgetError(f"{method} needs a budget: it has no size of its own. {_HELP}")
    if n < 1:
        raise BudgetError(f"{method}: there is nothing to pick from.")
    return None


def check_floor(method: str, count: int | None, classes: int) -> None:
    """Refuse a budget that is too small for one row of each class.

    Parameters
    ----------
    method : str
        Name of the selector, for the message.
    count : int or None
        Rows to keep; None is what a method keeps by itself, and never refused.
    classes : int
        Classes that have a row in the pool.

    Raises
    ------
    BudgetError
        The message names the least possible budget.
    """
    if count is not None and count < classes:
        raise BudgetError(
            f"{method}: a budget of {count} rows leaves out some of the {classes} classes, of "
            f"which each keeps at least one row. The least possible budget is {classes}."
        )


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
