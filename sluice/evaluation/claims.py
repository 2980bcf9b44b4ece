"""Claims that hold although many are made: wins over random, and the size that is enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import log
from typing import TypeVar

from sluice.evaluation.bootstrap import Interval
from sluice.evaluation.metrics import Bootstrap, Compared, Outcomes

Key = TypeVar("Key")
FEW_ROWS = 50
"""Test rows below which no size is called enough (ours)."""


def holm(tests: Mapping[Key, float]) -> dict[Key, float]:
    """Correct p-values for their number (Holm 1979): step down, never decreasing.

    Parameters
    ----------
    tests : mapping of anything to float
        p-values of m claims.

    Returns
    -------
    dict
        Of every claim the least level at which it would still be made; at most 1.
    """
    found: dict[Key, float] = {}
    least = 0.0
    for done, (key, p) in enumerate(sorted(tests.items(), key=lambda item: item[1])):
        least = max(least, min(1.0, p * (len(tests) - done)))
        found[key] = least
    return found


@dataclass(frozen=True)
class Enough:
    """The smallest budget of a method that is shown to be as good as all rows.

    Attributes
    ----------
    budget : float
    loss : float
        By how much it may be worse than all rows at most, at the confidence asked for.
    """

    budget: float
    loss: float


def enough(
    cells: Mapping[float, Sequence[Outcomes]],
    all_rows: Sequence[Outcomes],
    metric: Compared,
    tolerance: float,
    options: Bootstrap,
) -> Enough | None:
    """Return the smallest budget whose loss against all rows is within a tolerance.

    Non-inferiority, one-sided. Budgets are tried from the largest down and the first that is not
    shown ends it (a fixed sequence), so that over all budgets of a method a wrong one is named in
    at most ``1 - confidence`` of cases. Of a share, no loss is below the one that n rows without a
    difference leave possible, ``-log(1 - confidence) / n``: three over n at 95 %.

    Parameters
    ----------
    cells : mapping of budget to sequence of ndarray of float64, shape (n, k)
        Outcomes by seed on test; budgets that compare by size.
    all_rows : sequence of ndarray of float64, shape (n, k)
    metric : Compared
    tolerance : float
        Of a metric of which more is better, in its own unit (0.01 of accuracy is a point); of one
        of which less is better, a share of what it is with all rows.
    options : Bootstrap

    Returns
    -------
    Enough or None
        None where even the largest budget is not shown to be, or fewer than `FEW_ROWS` rows judge.
    """
    n = len(all_rows[0])
    if n < FEW_ROWS:
        return None
    one_sided = replace(options, confidence=2 * options.confidence - 1)
    # A bootstrap knows of no row that was not drawn: where no row differs, that many still may.
    unseen = 0.0 if metric.lower else -log(1 - options.confidence) / n
    most = tolerance
    if metric.lower:
        most *= abs(metric.interval(all_rows, options).mean)
    found: Enough | None = None
    for budget in sorted(cells, reverse=True):
        difference = metric.difference(cells[budget], all_rows, one_sided)
        loss = max(worst(difference, metric), unseen)
        if loss > most:
            break
        found = Enough(budget, loss)
    return found


def worst(difference: Interval, metric: Compared) -> float:
    """Return by how much the left side may be worse, by the end of the interval; at least 0."""
    return max(0.0, difference.high if metric.lower else -difference.low)
