"""LDIS: the densest row of each neighbourhood inside a class."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.instance_selection.condensed import condensed
from sluice.subsets.instance_selection.neighbours import check_neighbours, nearest, squared_blocks

Density = Callable[[NDArray[np.float32], NDArray[np.int64]], NDArray[np.float64]]
"""``density(rows of one class, their nearest rows in it) -> one number a row``."""


def ldis(pool: Pool, budget: int | None, seed: int, *, n_neighbors: int = 3) -> Picks:
    """Keep the rows that none of their nearest rows of the same class is denser than.

    Local density-based instance selection (Carbonera and Abel, 2015). Density of x in its
    class of m rows: ``-(1/m) sum_z |x - z|``. Only strictly denser neighbours drop a row.

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
    return densest(pool, budget, n_neighbors, mean_distance, "minus mean distance to its class")


def densest(pool: Pool, budget: int | None, n_neighbors: int, density: Density, unit: str) -> Picks:
    """Keep the local maxima of a density, class by class: what LDIS and CDIS share."""
    rows, labels = pool.embeddings, pool.labels
    assert rows is not None
    assert labels is not None
    k = check_neighbours(n_neighbors)
    kept = np.zeros(len(labels), dtype=bool)
    gain = np.zeros(len(labels))
    for c in np.unique(labels):
        members = np.flatnonzero(labels == c)
        near = nearest(rows[members], k)
        values = density(rows[members], near)
        kept[members] = ~denser(values, near).any(axis=1)
        gain[members] = values

    def words(position: int) -> str:
        return f"density {gain[position]:.4g} ({unit})"

    return condensed(pool, budget, kept, gain, words)


def denser(values: NDArray[np.float64], near: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each neighbour is strictly denser than the row, shape (m, k)."""
    return (near >= 0) & (values[near] > values[:, None])


def mean_distance(rows: NDArray[np.float32], near: NDArray[np.int64]) -> NDArray[np.float64]:
    """Density of LDIS, shape (m,); `near` is not used."""
    total = np.zeros(len(rows))
    for part, squared in squared_blocks(rows, rows):
        total[part] = np.sqrt(squared, out=squared).sum(axis=1)
    return -total / len(rows)


SELECTOR = Selector(
    name="ldis",
    core=ldis,
    version="1",
    needs=frozenset({"embeddings", "labels"}),
    tasks=frozenset({"tabular"}),
    stochastic=False,
    nested=True,
    class_floor=True,
    summary="The densest row of each neighbourhood inside a class (local density).",
    formula="keep x if no k-neighbour z of its class has density(z) > density(x)",
    paper="Carbonera and Abel, IEEE ICTAI 2015",
    cost="n^2 d / C",
    all_pairs=True,
    options={"n_neighbors": 3},
    sized=True,
)
