"""Lightweight core-set: half at random, half by the distance from the mean.

Bachem, Lucic and Krause, Scalable k-Means Clustering via Lightweight Coresets (arXiv
1702.08248): ``q(x) = 1/(2N) + d(x, mu)^2 / (2 sum d^2)``; a row drawn stands for ``1/(b q)``
rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.core.randomness import keyed_uniform
from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.covering.distances import squared_distances_to
from sluice.subsets.queries.ranked import top


def chances(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probability of each row to be drawn first.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, d)

    Returns
    -------
    ndarray of float64, shape (n,)
        Each at least 1/(2n); they sum to 1. Equal where all rows are.
    """
    squared = squared_distances_to(rows, rows.mean(axis=0, dtype=np.float64))
    total, n = float(squared.sum()), len(rows)
    if not total > 0:
        return np.full(n, 1.0 / n)
    return 0.5 / n + 0.5 * squared / total


def _core(pool: Pool, budget: int, seed: int) -> Picks:
    """Draw rows one after another, none twice, each in proportion to q among those left.

    The b greatest ``log(u) / q`` with u keyed by (seed, id) are such a draw (Efraimidis and
    Spirakis, 2006); the paper draws with repetition, which would label rows twice.
    """
    assert pool.embeddings is not None
    q = chances(pool.embeddings)
    positions = top(np.log(keyed_uniform(seed, pool.ids)) / q, budget)
    gains = q[positions]
    reasons = [
        f"Drawn with the chance {gain:.3g}, {gain * len(q):.2f} times the mean: it stands for "
        f"{1 / (budget * gain):.1f} rows."
        for gain in gains.tolist()
    ]
    return Picks(positions, gains, reasons)


SELECTOR = Selector(
    name="lightweight_core_set",
    core=_core,
    version="1",
    needs=frozenset({"embeddings"}),
    tasks=frozenset({"text"}),
    stochastic=True,
    # the same rows first, but a row's weight is a share of the budget
    nested=True,
    class_floor=False,
    summary="Rows drawn half at random, half by their distance from the mean.",
    formula="q(x) = 1/(2N) + d(x, mu)^2 / (2 sum d^2)",
    paper="Bachem, Lucic and Krause, arXiv 1702.08248",
    cost="n d",
    family=("data-based", "representativeness", "set construction"),
)
