"""k-medoids of the rows whose neighbours agree with them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.covering.k_medoids import medoids_of
from sluice.subsets.describe import class_name
from sluice.subsets.instance_selection.neighbours import check_neighbours
from sluice.subsets.quotas import class_quotas


def enn_k_medoids(
    pool: Pool, budget: int, seed: int, *, n_neighbors: int = 3, iterations: int = 25
) -> Picks:
    """Drop rows that disagree with a neighbour, then keep the medoids of each class.

    Wilson's editing (1972) as imbalanced-learn's `EditedNearestNeighbours` does it by default
    (``kind_sel="all"``, every class), then `k_medoids` on what is left. The two together are
    ours, and so is what they need to agree: quotas (Webster, a floor of one) go by the sizes
    that the classes had before editing, and a class of which editing leaves fewer rows than its
    quota keeps them all and is filled up with the edited rows that have most neighbours in
    their own class (ties: lower id).

    Parameters
    ----------
    pool : Pool
        Sorted by id, with embeddings and labels.
    budget : int
        From 1 to n.
    seed : int
        Moves the start of the clusters.
    n_neighbors : int
        Neighbours that must all be of the row's class; fewer where there are fewer rows.
    iterations : int
        See `sluice.subsets.covering.k_medoids.k_medoids`.

    Returns
    -------
    Picks
        Ranked by cluster size, larger first, filled-in rows last; ties: lower id. Gain: the
        size of the row's cluster of edited rows, 0 for a filled-in row.

    Raises
    ------
    ConfigError
        `n_neighbors` is no integer of at least 1.

    Notes
    -----
    Not nested. Cost: n^2 d for the neighbours (less in up to 15 dimensions, by a tree), then
    that of `k_medoids`.
    """
    rows, labels = pool.embeddings, pool.labels
    assert rows is not None
    assert labels is not None
    k = min(check_neighbours(n_neighbors), len(labels) - 1)
    own = own_neighbours(rows, labels, k)
    return medoids_of_clean(
        pool, own == k, own, budget, seed, iterations,
        words="agree with their neighbours",
        filling=lambda p: f"{own[p]} of its {k} neighbours are of its class",
    )  # fmt: skip


def medoids_of_clean(
    pool: Pool,
    clean: NDArray[np.bool_],
    trust: NDArray[np.floating] | NDArray[np.int64],
    budget: int,
    seed: int,
    iterations: int,
    *,
    words: str,
    filling: Callable[[int], str],
) -> Picks:
    """Keep the medoids of the clean rows of each class, and fill classes that have too few.

    Parameters
    ----------
    pool : Pool
        Sorted by id, with embeddings and labels.
    clean : ndarray of bool, shape (n,)
    trust : ndarray, shape (n,)
        By which rows that are not clean fill a class, most first; ties: lower id.
    budget, seed, iterations
        See `enn_k_medoids`.
    words : str
        What the clean rows do, for the reasons.
    filling : callable
        ``filling(position)``: why a row that is not clean comes before others.

    Returns
    -------
    Picks
        As `enn_k_medoids` has them.
    """
    labels = pool.labels
    assert labels is not None
    sizes = np.bincount(labels)
    quotas = class_quotas(sizes, budget)
    left = np.bincount(labels[clean], minlength=len(sizes))
    chosen = np.minimum(quotas, left)
    members = {int(c): np.flatnonzero(clean & (labels == c)) for c in np.flatnonzero(chosen)}
    medoids, counts = medoids_of(pool, members, chosen, seed, iterations)
    filled = _fill(labels, clean, trust, quotas - chosen)
    reasons = [
        f"Medoid of a cluster of {int(count)} of the {left[labels[p]]} rows of class "
        f"{class_name(pool, int(labels[p]))} that {words}, one of {chosen[labels[p]]} clusters."
        for p, count in zip(medoids, counts, strict=True)
    ]
    reasons += [
        f"Fills class {class_name(pool, int(labels[p]))}, of which {left[labels[p]]} rows "
        f"{words} and {quotas[labels[p]]} are wanted: {filling(int(p))}."
        for p in filled
    ]
    gains = np.concatenate([counts, np.zeros(len(filled))])
    return Picks(np.concatenate([medoids, filled]), gains, reasons)


def own_neighbours(
    rows: NDArray[np.float32], labels: NDArray[np.int64], k: int
) -> NDArray[np.int64]:
    """Count the rows of a row's own class among its k nearest, itself left out.

    scikit-learn's `NearestNeighbors`, as imbalanced-learn has it. Of rows at equal distance it
    takes any, but the same ones for the same rows in the same order.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, d)
    labels : ndarray of int64, shape (n,)
    k : int
        From 0 to n - 1.

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    from sklearn.neighbors import NearestNeighbors

    # float64 outright: it is what float32 rows are turned into, block by block
    exact = rows.astype(np.float64)
    found = NearestNeighbors(n_neighbors=k + 1).fit(exact).kneighbors(exact, return_distance=False)
    itself = found == np.arange(len(rows))[:, None]
    # among copies a row may be missing from its own list: then the farthest goes
    itself[~itself.any(axis=1), -1] = True
    near = np.asarray(found)[~itself].reshape(len(rows), k)
    return (labels[near] == labels[:, None]).sum(axis=1)


def _fill(
    labels: NDArray[np.int64],
    clean: NDArray[np.bool_],
    trust: NDArray[np.floating] | NDArray[np.int64],
    missing: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return as many rows of each class that are not clean as it lacks.

    Returns
    -------
    ndarray of int64, shape (missing.sum(),)
        Most trusted first; ties: lower id.
    """
    ranking = np.lexsort((np.arange(len(labels)), -trust))
    ranking = ranking[~clean[ranking]]
    taken = np.zeros(len(labels), dtype=bool)
    for c in np.flatnonzero(missing):
        taken[ranking[labels[ranking] == c][: missing[c]]] = True
    return ranking[taken[ranking]]


SELECTOR = Selector(
    name="enn_k_medoids",
    core=enn_k_medoids,
    version="1",
    needs=frozenset({"embeddings", "labels"}),
    tasks=frozenset({"tabular"}),
    stochastic=True,
    nested=False,
    class_floor=True,
    summary="One typical row for each cluster of each class, after rows at odds are dropped.",
    formula="keep x if its k nearest rows are all of its class; k-medoids of these in each class",
    paper="Wilson, IEEE Transactions on Systems, Man, and Cybernetics 2(3), 1972",
    cost="n^2 d, then as k_medoids",
    all_pairs=True,
    options={"n_neighbors": 3, "iterations": 25},
)
