"""Peers that rank by how hard a row is: EL2N's hardest rows, and coverage of all but those."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError
from sluice.core.randomness import keyed_bits
from sluice.subsets.clustered.plain_vectors import whole
from sluice.subsets.contract import Picks, Pool, Selector


def el2n(pool: Pool, budget: int, seed: int) -> Picks:
    """Keep the rows of the largest error vector.

    Paul, Ganguli and Dziugaite, Deep Learning on a Data Diet (arXiv 2107.07075):
    ``|p(x) - onehot(y)|_2``, there of a few networks early in training. Here p is the teacher's,
    out of fold: what a frozen encoder with a convex head has in their place.

    Parameters
    ----------
    pool : Pool
        Sorted by id, with a teacher.
    budget : int
        From 1 to n.
    seed : int
        Not used: the method is deterministic.

    Returns
    -------
    Picks
        Gain: the error. Nested. Ties: lower id. Labels are read through the error alone, hence no
        class floor.
    """
    assert pool.teacher is not None
    errors = pool.teacher.errors
    positions = np.argsort(-errors, kind="stable")[:budget].astype(np.int64)
    reasons = [
        f"The teacher is wrong by {errors[p]:.3f} (at most 1.414): number {rank} of {len(errors)}."
        for rank, p in enumerate(positions.tolist(), start=1)
    ]
    return Picks(positions, errors[positions], reasons)


def ccs(pool: Pool, budget: int, seed: int, *, beta: object = 0.3, strata: int = 50) -> Picks:
    """Drop the hardest rows, and pick evenly over how hard the others are.

    Coverage-centric coreset selection (Zheng, Liu, Lai and Prakash, arXiv 2210.15809, algorithm
    1): the share `beta` of the hardest rows goes; the range of hardness of the rest is cut into
    strata of equal width; from the smallest stratum on, each gives as many random rows as it has
    of an even share of what is left of the budget. Hardness is EL2N out of fold (`el2n`); the
    paper tunes `beta` for each pruning rate, here it is one number.

    Parameters
    ----------
    pool : Pool
        Sorted by id, with a teacher.
    budget : int
        From 1 to n. Where it is more than the rows that are not dropped, fewer are dropped
        (ours).
    seed : int
        Draws inside strata; keyed by (seed, id).
    beta : float
        From 0 to below 1.
    strata : int

    Returns
    -------
    Picks
        Gain: the error; easiest rows first, ties: lower id. Not nested. Labels are read through
        the error alone, hence no class floor.

    Raises
    ------
    ConfigError
        An option cannot be used.
    """
    assert pool.teacher is not None
    bins = whole("strata", strata)
    if isinstance(beta, bool) or not isinstance(beta, int | float) or not 0 <= beta < 1:
        raise ConfigError(f"beta is {beta!r}; give a share from 0 to below 1.")
    errors, n = pool.teacher.errors, len(pool.ids)
    easy = np.argsort(errors, kind="stable")[: max(budget, n - int(n * beta))]
    stratum = _strata(errors[easy], bins)
    sizes = np.bincount(stratum, minlength=bins)
    shares = even_shares(sizes, budget)
    bits = keyed_bits(seed, pool.ids)
    order = np.lexsort((bits[easy], stratum))
    turn = np.empty(len(easy), dtype=np.int64)
    turn[order] = np.arange(len(easy)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    taken = np.flatnonzero(turn < shares[stratum])
    positions = easy[taken].astype(np.int64)
    reasons = [
        f"One of {shares[s]} of the {sizes[s]} rows as hard as it (teacher wrong by "
        f"{errors[p]:.3f}), drawn at random; the hardest {n - len(easy)} of {n} are left out."
        for p, s in zip(positions.tolist(), stratum[taken].tolist(), strict=True)
    ]
    return Picks(positions, errors[positions], reasons)


def _strata(errors: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    least, most = float(errors.min()), float(errors.max())
    place = (errors - least) / (most - least) if most > least else np.zeros(len(errors))
    return np.minimum((place * count).astype(np.int64), count - 1)


def even_shares(sizes: NDArray[np.int64], budget: int) -> NDArray[np.int64]:
    """Return how many rows each stratum gives: from the smallest on, an even share of the rest.

    Parameters
    ----------
    sizes : ndarray of int64, shape (k,)
    budget : int
        At most ``sizes.sum()``.

    Returns
    -------
    ndarray of int64, shape (k,)
        Adds up to `budget`. What does not divide goes to larger strata (ours).
    """
    shares, left = np.zeros(len(sizes), dtype=np.int64), budget
    order = np.argsort(sizes, kind="stable")
    for done, at in enumerate(order.tolist()):
        shares[at] = min(int(sizes[at]), left // (len(sizes) - done))
        left -= int(shares[at])
    return shares


EL2N = Selector(
    name="el2n",
    core=el2n,
    version="1",
    needs=frozenset({"teacher"}),
    tasks=frozenset({"text", "tabular"}),
    stochastic=False,
    nested=True,
    class_floor=False,
    summary="The rows that the teacher is most wrong about, with all mislabelled ones.",
    formula="argmax_x |p(x) - onehot(y)|_2, p out of fold",
    paper="Paul, Ganguli and Dziugaite, arXiv 2107.07075",
    cost="n log n beyond the teacher",
)
CCS = Selector(
    name="ccs",
    core=ccs,
    version="1",
    needs=frozenset({"teacher"}),
    tasks=frozenset({"text", "tabular"}),
    stochastic=True,
    nested=False,
    class_floor=False,
    summary="Rows of every hardness alike, the hardest left out.",
    formula="drop the beta hardest by EL2N; even random shares of 50 strata of the rest",
    paper="Zheng, Liu, Lai and Prakash, arXiv 2210.15809",
    cost="n log n beyond the teacher",
    options={"beta": 0.3, "strata": 50},
)
