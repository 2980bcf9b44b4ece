"""Clusters of the rows of one class and their medoids, in levels where there are many.

scikit-learn's k-means does the work. Ours are its start, the levels, and what makes the
outcome a set of rows of just the size that was asked for.

*Start.* A keyed sample of `SAMPLE` rows a cluster is cut into clusters by Ward's method, and
their means are where k-means starts: an inertia near that of greedy k-means++ at a fraction of
its cost, and no randomness but that of (seed, id).

*Levels.* With q clusters for m rows k-means costs m q d an iteration: n^2 d at a fixed
share of the rows. Above `LIMIT` clusters the rows are first cut into q / `TARGET` groups, but no
more than `LIMIT`; each group gets clusters in proportion to its rows (Webster) and is clustered
by itself, in levels again where need be. So an iteration costs at most m `LIMIT` d a level.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sluice.core.progress import Advance
from sluice.subsets.covering.distances import pair_squared_distances
from sluice.subsets.quotas import class_quotas

LIMIT = 128
"""Most clusters that one k-means finds."""

TARGET = 64
"""Clusters wanted of a group of the first level, on average."""

SAMPLE = 6
"""Rows of the start's sample for each cluster, where half of the rows are as many."""

SKEWED = 0.75
"""Share of the rows from which on a group of the first level counts as no progress."""


@dataclass(frozen=True)
class Clusters:
    """Medoids of one class.

    Attributes
    ----------
    medoids : ndarray of int64, shape (q,)
        Distinct positions, ascending.
    sizes : ndarray of int64, shape (q,)
        Rows of each one's cluster, itself included.
    """

    medoids: NDArray[np.int64]
    sizes: NDArray[np.int64]


def cluster(
    rows: NDArray[np.float32],
    quota: int,
    bits: NDArray[np.uint64],
    iterations: int,
    advance: Advance | None = None,
    weights: NDArray[np.float64] | None = None,
) -> Clusters:
    """Find as many medoids as asked for.

    Parameters
    ----------
    rows : ndarray of float32, shape (m, d)
        In ascending order of id.
    quota : int
        Medoids wanted, from 1 to m.
    bits : ndarray of uint64, shape (m,)
        Keyed randomness of each row.
    iterations : int
        Most k-means updates of a clustering.
    advance : callable, optional
        Told how many medoids more there are.
    weights : ndarray of float64, shape (m,), optional
        At least 0; they choose the medoids, not the clusters.
    """
    if quota <= LIMIT or quota == len(rows):
        found = _one_level(rows, quota, bits, iterations, weights)
        if advance is not None:
            advance(quota)
        return found
    group = _groups(rows, min(-(-quota // TARGET), LIMIT), bits, iterations)
    quotas = class_quotas(np.bincount(group), quota)
    medoids: list[NDArray[np.int64]] = []
    sizes: list[NDArray[np.int64]] = []
    for g, share in enumerate(quotas.tolist()):
        members = np.flatnonzero(group == g)
        own = None if weights is None else weights[members]
        found = cluster(rows[members], share, bits[members], iterations, advance, own)
        medoids.append(members[found.medoids])
        sizes.append(found.sizes)
    together = np.concatenate(medoids)
    order = np.argsort(together)
    return Clusters(together[order], np.concatenate(sizes)[order])


def _one_level(
    rows: NDArray[np.float32],
    quota: int,
    bits: NDArray[np.uint64],
    iterations: int,
    weights: NDArray[np.float64] | None,
) -> Clusters:
    if quota == len(rows):
        return Clusters(np.arange(quota), np.ones(quota, dtype=np.int64))
    nearest = k_means(rows, quota, bits, iterations)
    medoids = central_members(rows, nearest, weights)
    return with_all_medoids(rows, nearest, medoids, quota)


def _groups(
    rows: NDArray[np.float32], count: int, bits: NDArray[np.uint64], iterations: int
) -> NDArray[np.int64]:
    """Group of each row, from 0 upwards without a gap.

    Where k-means leaves nearly all rows in one group (outliers, copies), the rows are halved
    across the column that varies most instead, so that the depth stays logarithmic.
    """
    group = k_means(rows, count, bits, iterations)
    if np.bincount(group).max() <= SKEWED * len(rows):
        return group
    widest = int(np.argmax(rows.var(axis=0, dtype=np.float64)))
    halves = np.zeros(len(rows), dtype=np.int64)
    halves[np.argsort(rows[:, widest], kind="stable")[len(rows) // 2 :]] = 1
    return halves


def k_means(
    rows: NDArray[np.float32], count: int, bits: NDArray[np.uint64], iterations: int
) -> NDArray[np.int64]:
    """Cluster of each row by Lloyd's k-means from the means of `start`.

    Parameters
    ----------
    rows : ndarray of float32, shape (m, d)
    count : int
        Clusters wanted, from 1 to m.
    bits : ndarray of uint64, shape (m,)
    iterations : int

    Returns
    -------
    ndarray of int64, shape (m,)
        From 0 upwards without a gap; fewer than `count` clusters where too few rows differ.
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    initial = start(rows, count, bits)
    # no random state: nothing is drawn where the start is given
    method: Any = KMeans(count, init=cast(Any, initial), n_init=cast(Any, 1), max_iter=iterations)
    # several threads add up the means in the order in which they finish: no bits to rely on
    with warnings.catch_warnings(), _threads().limit(limits=1, user_api="openmp"):
        # fewer distinct rows than clusters: the caller fills up
        warnings.simplefilter("ignore", ConvergenceWarning)
        labels = method.fit(rows).labels_
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def start(rows: NDArray[np.float32], count: int, bits: NDArray[np.uint64]) -> NDArray[np.float32]:
    """Means of the Ward clusters (Ward, 1963) of a keyed sample.

    The sample has `SAMPLE` rows a cluster, but no more than half of all rows, or else it would
    be the same for every seed, and `count` at least.

    Returns
    -------
    ndarray of float32, shape (count, d)

    Notes
    -----
    Cost s^2 d and memory s^2 for a sample of s rows: at most `SAMPLE` times `LIMIT`.
    """
    size = max(count, min(SAMPLE * count, len(rows) // 2))
    sample = rows[np.sort(np.argsort(bits, kind="stable")[:size])]
    if count == size:
        return sample
    return _means(sample, _ward(sample, count)).astype(np.float32)


def _ward(rows: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Ward cluster of each row, from 0 upwards.

    scipy's `fcluster` gives fewer clusters than asked for where merges tie, and its `cut_tree`
    costs more than the tree, so the last ``count - 1`` merges are undone here.
    """
    from scipy.cluster.hierarchy import ward

    merges = ward(rows)[: len(rows) - count, :2].astype(np.int64)
    top = np.arange(len(rows) + len(merges))
    for number in range(len(merges) - 1, -1, -1):
        top[merges[number]] = top[len(rows) + number]
    return np.unique(top[: len(rows)], return_inverse=True)[1].astype(np.int64)


def central_members(
    rows: NDArray[np.float32],
    nearest: NDArray[np.int64],
    weights: NDArray[np.float64] | None = None,
) -> NDArray[np.int64]:
    """Medoid of each cluster; ties: lower id.

    The medoid is exactly the member nearest the cluster mean m, because
    ``sum_i w_i |x_i - x_j|^2 = sum_i w_i |x_i - m|^2 + (sum_i w_i) |x_j - m|^2`` over the
    members (the mixed terms add up to zero), and only the last term depends on j. So it costs
    s d for s members, not s^2 d. Where all weights of a cluster are 0, all count the same
    (ours).

    Parameters
    ----------
    rows : ndarray of float32, shape (m, d)
    nearest : ndarray of int64, shape (m,)
        Cluster of each row, from 0 upwards without a gap.
    weights : ndarray of float64, shape (m,), optional
        At least 0.

    Returns
    -------
    ndarray of int64, shape (clusters,)
        In order of the clusters: distinct, for clusters share no row.
    """
    sizes = np.bincount(nearest)
    everyone = np.arange(len(rows))
    means = _means(rows, nearest) if weights is None else _weighted_means(rows, nearest, weights)
    squared = pair_squared_distances(rows, everyone, means, nearest)
    order = np.lexsort((everyone, squared, nearest))
    return order[np.cumsum(sizes) - sizes]


def with_all_medoids(
    rows: NDArray[np.float32], nearest: NDArray[np.int64], medoids: NDArray[np.int64], quota: int
) -> Clusters:
    """Fill up where too few rows differ: the rows farthest from their medoid stand alone.

    Ties, as among copies of the medoids: lower id (ours).
    """
    sizes = np.bincount(nearest)
    if len(medoids) < quota:
        squared = pair_squared_distances(rows, np.arange(len(rows)), rows[medoids], nearest)
        squared[medoids] = -1.0
        alone = np.argsort(-squared, kind="stable")[: quota - len(medoids)]
        sizes = sizes - np.bincount(nearest[alone], minlength=len(sizes))
        medoids = np.concatenate([medoids, alone])
        sizes = np.concatenate([sizes, np.ones(len(alone), dtype=np.int64)])
    order = np.argsort(medoids)
    return Clusters(medoids[order], sizes[order])


def _means(rows: NDArray[np.float32], group: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean of each group, added up in float64 and in order of id."""
    order = np.argsort(group, kind="stable")
    sizes = np.bincount(group)
    begin = np.cumsum(sizes) - sizes
    return np.add.reduceat(rows[order].astype(np.float64), begin, axis=0) / sizes[:, None]


def _weighted_means(
    rows: NDArray[np.float32], group: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weighted mean of each group, as `_means` adds up."""
    order = np.argsort(group, kind="stable")
    sizes = np.bincount(group)
    begin = np.cumsum(sizes) - sizes
    total = np.add.reduceat(weights[order], begin)
    divisor = np.where(total > 0, total, 1.0)[group]
    shares = np.where(total[group] > 0, weights / divisor, 1.0 / sizes[group])
    return np.add.reduceat(rows[order].astype(np.float64) * shares[order, None], begin, axis=0)


@cache
def _threads() -> Any:
    """Return the handle on the thread counts; finding the libraries takes milliseconds."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
