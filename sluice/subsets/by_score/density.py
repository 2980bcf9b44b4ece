"""Density: the most typical rows of each class."""

from __future__ import annotations

import numpy as np

from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.describe import class_name
from sluice.subsets.quotas import interleave


def density(pool: Pool, budget: int, seed: int) -> Picks:
    """Pick the rows that resemble their nearest neighbours most, class by class.

    The information density of Settles and Craven (2008) without its uncertainty factor; class
    quotas by Webster's method with a floor of one are ours. It does not avoid near-duplicates:
    it is the control that shows what typicality alone is worth.

    Parameters
    ----------
    pool : Pool
        Sorted by id, with labels and the score ``density``.
    budget : int
        From 1 to n.
    seed : int
        Not used: the method is deterministic.

    Returns
    -------
    Picks
        Gain: the density score, a mean cosine.

    Notes
    -----
    Nested. Ties: lower id. Cost n log n.
    """
    labels, scores = pool.labels, pool.scores["density"]
    assert labels is not None
    positions = interleave(labels, np.argsort(-scores, kind="stable"), budget)
    sizes = np.bincount(labels)
    rank = np.zeros(len(sizes), dtype=np.int64)
    reasons: list[str] = []
    for position in positions:
        c = int(labels[position])
        rank[c] += 1
        reasons.append(
            f"Mean cosine {scores[position]:.3f} to its nearest neighbours: number {rank[c]} of "
            f"{sizes[c]} in class {class_name(pool, c)}."
        )
    return Picks(positions, scores[positions], reasons)


SELECTOR = Selector(
    name="density",
    core=density,
    version="1",
    needs=frozenset({"labels", "scores:density"}),
    tasks=frozenset({"text"}),
    stochastic=False,
    nested=True,
    class_floor=True,
    summary="The most typical rows of each class; does not avoid near-duplicates.",
    formula="mean cosine to the k nearest rows; Webster quotas",
    paper="Settles and Craven, EMNLP 2008",
    cost="n log n beyond the graph",
)
