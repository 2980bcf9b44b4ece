"""Clusters of some rows, each represented by the member nearest its weighted mean.

The clusters are those of `sluice.subsets.k_medoids_clusters`, found in levels where there are
many; only who represents them differs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.subsets.distances import pair_squared_distances
from sluice.subsets.k_medoids_clusters import (
    LIMIT,
    SKEWED,
    TARGET,
    Clusters,
    k_means,
    with_all_medoids,
)
from sluice.subsets.quotas import class_quotas


def weighted_clusters(
    rows: NDArray[np.float32],
    weights: NDArray[np.float64],
    quota: int,
    bits: NDArray[np.uint64],
    iterations: int,
) -> Clusters:
    """Find as many weighted medoids as asked for.

    Parameters
    ----------
    rows : ndarray of float32, shape (m, d)
        In ascending order of id.
    weights : ndarray of float64, shape (m,)
        At least 0.
    quota : int
        From 1 to m.
    bits : ndarray of uint64, shape (m,)
        Keyed randomness of each row.
    iterations : int
        Most k-means updates of a clustering.

    Notes
    -----
    Cost of an iteration m min(quota, `LIMIT`) d, once more for each level.
    """
    if quota == len(rows):
        return Clusters(np.arange(quota), np.ones(quota, dtype=np.int64))
    if quota <= LIMIT:
        nearest = k_means(rows, quota, bits, iterations)
        return with_all_medoids(rows, nearest, weighted_medoids(rows, weights, nearest), quota)
    group = _groups(rows, min(-(-quota // TARGET), LIMIT), bits, iterations)
    medoids: list[NDArray[np.int64]] = []
    sizes: list[NDArray[np.int64]] = []
    for g, share in enumerate(class_quotas(np.bincount(group), quota).tolist()):
        of_group = np.flatnonzero(group == g)
        found = weighted_clusters(
            rows[of_group], weights[of_group], share, bits[of_group], iterations
        )
        medoids.append(of_group[found.medoids])
        sizes.append(found.sizes)
    together = np.concatenate(medoids)
    order = np.argsort(together)
    return Clusters(together[order], np.concatenate(sizes)[order])


def weighted_medoids(
    rows: NDArray[np.float32], weights: NDArray[np.float64], nearest: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Member of each cluster nearest its weighted mean; ties: lower id.

    It minimises ``sum_i w_i |x_i - x_j|^2`` over the members j, because that is
    ``sum_i w_i |x_i - m|^2 + (sum_i w_i) |x_j - m|^2`` for the weighted mean m. Where all
    weights of a cluster are 0, all count the same (ours).

    Parameters
    ----------
    rows : ndarray of float32, shape (m, d)
    weights : ndarray of float64, shape (m,)
    nearest : ndarray of int64, shape (m,)
        Cluster of each row, from 0 upwards without a gap.

    Returns
    -------
    ndarray of int64, shape (clusters,)
    """
    everyone = np.arange(len(rows))
    order = np.argsort(nearest, kind="stable")
    sizes = np.bincount(nearest)
    begin = np.cumsum(sizes) - sizes
    total = np.add.reduceat(weights[order], begin)
    shares = np.where(total > 0, total, 1.0)[nearest]
    share = np.where(total[nearest] > 0, weights / shares, 1.0 / sizes[nearest])
    scaled = rows[order].astype(np.float64) * share[order, None]
    means = np.add.reduceat(scaled, begin, axis=0)
    squared = pair_squared_distances(rows, everyone, means, nearest)
    return np.lexsort((everyone, squared, nearest))[begin]


def _groups(
    rows: NDArray[np.float32], count: int, bits: NDArray[np.uint64], iterations: int
) -> NDArray[np.int64]:
    """Groups of the first level; halves across the widest column where k-means gets nowhere."""
    group = k_means(rows, count, bits, iterations)
    if np.bincount(group).max() <= SKEWED * len(rows):
        return group
    widest = int(np.argmax(rows.var(axis=0, dtype=np.float64)))
    halves = np.zeros(len(rows), dtype=np.int64)
    halves[np.argsort(rows[:, widest], kind="stable")[len(rows) // 2 :]] = 1
    return halves
