"""k-medoids of each class: every kept row stands for the cluster around it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.core.progress import track
from sluice.core.randomness import keyed_bits
from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.covering.k_medoids_clusters import cluster
from sluice.subsets.describe import class_name
from sluice.subsets.quotas import class_quotas


def k_medoids(pool: Pool, budget: int, seed: int, *, iterations: int = 25) -> Picks:
    """Cluster each class into as many clusters as its quota, and keep the medoid of each.

    Minimises ``sum_i min_{j in S} |x_i - x_j|^2`` class by class: k-means, then the member
    nearest the mean of each cluster, which is its exact medoid. This leaves a lower objective
    than Park and Jun's alternation of assignments and medoids (2009), which stops at the first
    medoids that no longer move. The start, the levels of a large class and Webster quotas
    with a floor of one are ours; see `sluice.subsets.covering.k_medoids_clusters`.

    Parameters
    ----------
    pool : Pool
        Sorted by id, with embeddings and labels.
    budget : int
        From 1 to n.
    seed : int
        Moves the start; draws are keyed by (seed, id).
    iterations : int
        Most k-means updates of a clustering.

    Returns
    -------
    Picks
        Ranked by cluster size, larger first; ties: lower id. Gain: the cluster size.

    Notes
    -----
    Not nested: another budget gives other clusters. Cost of an iteration for a class of m rows
    and quota q: m min(q, 128) d, once more for each level. Memory: a few copies of the class.
    """
    labels = pool.labels
    assert labels is not None
    sizes = np.bincount(labels)
    quotas = class_quotas(sizes, budget)
    members = {int(c): np.flatnonzero(labels == c) for c in np.flatnonzero(quotas)}
    positions, gains = medoids_of(pool, members, quotas, seed, iterations)
    reasons = [
        f"Medoid of a cluster of {int(count)} of the {sizes[labels[p]]} rows of class "
        f"{class_name(pool, int(labels[p]))}, one of {quotas[labels[p]]} clusters."
        for p, count in zip(positions, gains, strict=True)
    ]
    return Picks(positions, gains, reasons)


def medoids_of(
    pool: Pool,
    members: dict[int, NDArray[np.int64]],
    quotas: NDArray[np.int64],
    seed: int,
    iterations: int,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Medoids of some rows of each class.

    Parameters
    ----------
    pool : Pool
        Sorted by id, with embeddings.
    members : dict of int to ndarray of int64
        Ascending positions to cluster, by class; no more classes than have a quota.
    quotas : ndarray of int64, shape (C,)
        Medoids wanted of each class, from 1 to its members.
    seed, iterations : int
        As in `k_medoids`.

    Returns
    -------
    positions : ndarray of int64, shape (b,)
        Larger clusters first; ties: lower id.
    sizes : ndarray of float64, shape (b,)
        Rows of each one's cluster.
    """
    rows = pool.embeddings
    assert rows is not None
    bits = keyed_bits(seed, pool.ids)
    kept = [np.empty(0, dtype=np.int64)]
    counts = [np.empty(0, dtype=np.int64)]
    with track("k-medoids", int(quotas[list(members)].sum())) as advance:
        for c, some in members.items():
            found = cluster(rows[some], int(quotas[c]), bits[some], iterations, advance)
            kept.append(some[found.medoids])
            counts.append(found.sizes)
    positions, sizes = np.concatenate(kept), np.concatenate(counts)
    order = np.lexsort((positions, -sizes))
    return positions[order], sizes[order].astype(np.float64)


SELECTOR = Selector(
    name="k_medoids",
    core=k_medoids,
    version="2",
    needs=frozenset({"embeddings", "labels"}),
    tasks=frozenset({"text", "tabular"}),
    stochastic=True,
    nested=False,
    class_floor=True,
    summary="One typical row for each cluster of each class.",
    formula="argmin_S sum_i min_{j in S} |x_i - x_j|^2 in each class; Webster quotas",
    paper="Park and Jun, Expert Systems with Applications 36(2), 2009; Lloyd, 1982",
    cost="n min(b / C, 128) d an iteration and level",
    options={"iterations": 25},
)
