"""Stratified random: the control that every other selector has to beat."""

from __future__ import annotations

import numpy as np

from sluice.core.randomness import keyed_bits, uniform_of
from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.describe import class_name
from sluice.subsets.quotas import interleave


def random_stratified(pool: Pool, budget: int, seed: int) -> Picks:
    """Pick at random inside each class, classes by Webster quotas with a floor of one.

    Rows are ranked by a hash of (seed, id), which does not depend on the other rows: when rows
    come or go, the picks change only as far as quotas do.

    Parameters
    ----------
    pool : Pool
        Sorted by id, with labels.
    budget : int
        From 1 to n.
    seed : int

    Returns
    -------
    Picks
        Gain: 1 for each row, for a random row adds only itself.

    Notes
    -----
    Nested. Ties (equal hashes): lower id. Cost n log n.
    """
    labels = pool.labels
    assert labels is not None
    draws = uniform_of(keyed_bits(seed, pool.ids))
    positions = interleave(labels, np.argsort(draws, kind="stable"), budget)
    sizes = np.bincount(labels)
    kept = np.bincount(labels[positions], minlength=len(sizes))
    reasons = [
        f"Drawn at random as one of {kept[c]} from the {sizes[c]} rows of class "
        f"{class_name(pool, int(c))} (draw {draw:.4f}, seed {seed})."
        for c, draw in zip(labels[positions], draws[positions], strict=True)
    ]
    return Picks(positions, np.ones(budget), reasons)


SELECTOR = Selector(
    name="random_stratified",
    core=random_stratified,
    version="1",
    needs=frozenset({"labels"}),
    tasks=frozenset({"text", "tabular", "instructions", "tokens"}),
    stochastic=True,
    nested=True,
    class_floor=True,
    summary="Random rows of each class: the control that every other method has to beat.",
    formula="rank by hash(seed, id) in each class; Webster quotas",
    paper="Balinski and Young, Fair Representation, 1982 (quotas)",
    cost="n log n",
)
