"""From what a method keeps by itself to a ranking of all rows, and to any budget."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sluice.core.randomness import keyed_bits
from sluice.subsets.contract import Picks, Pool
from sluice.subsets.describe import class_name
from sluice.subsets.quotas import interleave


def condensed(
    pool: Pool,
    budget: int | None,
    kept: NDArray[np.bool_],
    gain: NDArray[np.float64],
    words: Callable[[int], str],
    *,
    stage: NDArray[np.int64] | None = None,
    seed: int = 0,
) -> Picks:
    """Rank what a method kept, cut it to the budget, and fill what is missing.

    In each class: the kept rows by `gain`, then the dropped ones by `stage` and `gain`. Places
    go to the classes by Webster's method with a floor of one, on the sizes that the classes
    have in the pool. So a class that keeps fewer rows than its quota is filled with the rows
    that the method dropped last. Nested: the ranking does not depend on the budget.

    Equal gains are common (a vote of three neighbours has few values) and are ordered by a
    hash of the id, for ids may follow the order of a sorted file. All of this is ours.

    Parameters
    ----------
    pool : Pool
        Sorted by id, with labels.
    budget : int or None
        None: exactly the kept rows, classes taking turns by the sizes of what is kept.
    kept : ndarray of bool, shape (n,)
    gain : ndarray of float64, shape (n,)
        The method's own criterion, more is better; of dropped rows too.
    words : callable
        ``words(position)``: what the gain of a row says, for example "covers 3 rows".
    stage : ndarray of int64, shape (n,), optional
        Of the dropped rows: lower is put back sooner. All alike by default.
    seed : int
        Of the hash that orders equal gains.

    Returns
    -------
    Picks
    """
    labels = pool.labels
    assert labels is not None
    n = len(labels)
    late = np.zeros(n, dtype=np.int64) if stage is None else stage
    hashes = keyed_bits(seed, pool.ids)
    ranking = np.lexsort((hashes, -gain, np.where(kept, 0, late), ~kept))
    if budget is None:
        among = np.flatnonzero(kept)
        places = np.cumsum(kept) - 1
        chosen = interleave(labels[among], places[ranking[kept[ranking]]], len(among))
        positions = among[chosen]
    else:
        positions = interleave(labels, ranking, budget)
    return Picks(positions, gain[positions], _reasons(pool, labels, positions, kept, words))


def _reasons(
    pool: Pool,
    labels: NDArray[np.int64],
    positions: NDArray[np.int64],
    kept: NDArray[np.bool_],
    words: Callable[[int], str],
) -> list[str]:
    own = np.bincount(labels[kept], minlength=int(labels.max()) + 1)
    quota = np.bincount(labels[positions], minlength=len(own))
    rank = np.zeros(len(own), dtype=np.int64)
    reasons: list[str] = []
    for position in positions.tolist():
        c = int(labels[position])
        name, said = class_name(pool, c), words(position)
        rank[c] += 1
        if kept[position]:
            what = f"number {rank[c]} of the {own[c]} that the method keeps of class {name}"
        else:
            what = (
                f"put back, because the method keeps {own[c]} of class {name} and its quota is "
                f"{quota[c]}"
            )
        reasons.append(f"{said[0].upper()}{said[1:]}: {what}.")
    return reasons
