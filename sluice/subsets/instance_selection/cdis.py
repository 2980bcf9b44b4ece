"""CDIS: as LDIS, with a density that asks for a central place among the neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.instance_selection.ldis import densest
from sluice.subsets.instance_selection.neighbours import squared_blocks

DIGITS = 40


def cdis(pool: Pool, budget: int | None, seed: int, *, n_neighbors: int = 3) -> Picks:
    """Keep the rows that none of their nearest rows of the same class is denser than.

    Central density-based instance selection (Carbonera and Abel, 2016). Density of x in its
    class: ``sum_{z != x} 1 / (1 + |x - z|)``, divided by ``1 + |x - centroid of its k nearest
    rows|``.

    Parameters
    ----------
    pool : Pool
        Sorted by id, with embeddings and labels.
    budget : int or None
        None: just what the method keeps, never nothing of a class.
    seed : int
        Not used: the method is deterministic.
    n_neighbors : int
        Of the neighbourhood, fewer where a class has no more; ties by lower id.

    Returns
    -------
    Picks
        Gain: the density. Ranked, cut and filled by it, see `condensed` (ours).

    Raises
    ------
    ConfigError
        `n_neighbors` is no integer of at least 1.

    Notes
    -----
    Nested. Cost d sum of m^2 over the classes.
    """
    return densest(pool, budget, n_neighbors, central_density, "central density")


def central_density(rows: NDArray[np.float32], near: NDArray[np.int64]) -> NDArray[np.float64]:
    """Density of CDIS.

    Parameters
    ----------
    rows : ndarray of float32, shape (m, d)
        Of one class.
    near : ndarray of int64, shape (m, k)
        Nearest rows of each, -1 where there are fewer.

    Returns
    -------
    ndarray of float64, shape (m,)
        0 for a row alone. Of `DIGITS` binary digits, so that rows whose densities are the same
        sums in another order tie (ours).
    """
    total = np.zeros(len(rows))
    for part, squared in squared_blocks(rows, rows):
        distances = np.sqrt(squared, out=squared)
        # the row itself is 1 / (1 + 0): taken off afterwards, equal rows keep equal sums
        total[part] = (1.0 / (1.0 + distances)).sum(axis=1) - 1.0
    there = near[0] >= 0  # every row of a class has as many neighbours
    if not there.any():
        return _rounded(total)
    points = rows.astype(np.float64)
    centroid = points[near[:, there]].mean(axis=1)
    return _rounded(total / (1.0 + np.sqrt(np.square(points - centroid).sum(axis=1))))


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    mantissa, exponent = np.frexp(values)
    return np.ldexp(np.round(np.ldexp(mantissa, DIGITS)), exponent - DIGITS)


SELECTOR = Selector(
    name="cdis",
    core=cdis,
    version="2",
    needs=frozenset({"embeddings", "labels"}),
    tasks=frozenset({"tabular"}),
    stochastic=False,
    nested=True,
    class_floor=True,
    summary="The densest row of each neighbourhood inside a class (central density).",
    formula="LDIS with density(x) = sum_z 1/(1+|x-z|) / (1+|x-centroid(kNN(x))|)",
    paper="Carbonera and Abel, IEEE ICTAI 2016",
    cost="n^2 d / C",
    all_pairs=True,
    options={"n_neighbors": 3},
    sized=True,
)
