"""k-medoids of each class: every kept row stands for the cluster around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sluice.graphs.canonical import TILE, canonical_squared_distance
from sluice.progress import track
from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.describe import class_name
from sluice.subsets.distances import distance_error, nearest_centres, squared_norms
from sluice.subsets.quotas import class_quotas
from sluice.subsets.randomness import keyed_bits, uniform_of


@dataclass(frozen=True)
class Clusters:
    """Medoids of one class.

    Attributes
    ----------
    medoids : ndarray of int64, shape (q,)
        Distinct positions, ascending.
    sizes : ndarray of int64, shape (q,)
        Rows that each stands for, itself included.
    objectives : list of float
        Sum of squared distances to the nearest medoid, before each update: it never rises.
    """

    medoids: NDArray[np.int64]
    sizes: NDArray[np.int64]
    objectives: list[float]


def k_medoids(pool: Pool, budget: int, seed: int, *, iterations: int = 25) -> Picks:
    """Cluster each class around as many medoids as its quota, and keep the medoids.

    Minimises ``sum_i min_{j in S} |x_i - x_j|^2`` class by class, by alternation (Park and
    Jun, 2009) from a k-means++ start (Arthur and Vassilvitskii, 2007). Webster quotas with a
    floor of one are ours.

    Parameters
    ----------
    pool : Pool
        Sorted by id, with embeddings and labels.
    budget : int
        From 1 to n.
    seed : int
        Moves the k-means++ start; draws are keyed by (seed, id).
    iterations : int
        Most updates of a class.

    Returns
    -------
    Picks
        Ranked by cluster size, larger first; ties: lower id. Gain: the cluster size.

    Notes
    -----
    Not nested: another budget gives other clusters. Cost for a class of m rows and quota q:
    m q d for the start and for each update. Memory: a float64 copy of one class at most.
    """
    rows, labels = pool.embeddings, pool.labels
    assert rows is not None
    assert labels is not None
    sizes = np.bincount(labels)
    quotas = class_quotas(sizes, budget)
    bits = keyed_bits(seed, pool.ids)
    kept: list[NDArray[np.int64]] = []
    gains: list[NDArray[np.int64]] = []
    with track("k-medoids", budget) as advance:
        for c in np.flatnonzero(quotas):
            members = np.flatnonzero(labels == c)
            found = cluster(rows[members], int(quotas[c]), bits[members], iterations)
            kept.append(members[found.medoids])
            gains.append(found.sizes)
            advance(int(quotas[c]))
    positions, counts = np.concatenate(kept), np.concatenate(gains)
    order = np.lexsort((positions, -counts))
    positions, counts = positions[order], counts[order]
    reasons = [
        f"Medoid of a cluster of {count} of the {sizes[labels[p]]} rows of class "
        f"{class_name(pool, int(labels[p]))}, one of {quotas[labels[p]]} clusters."
        for p, count in zip(positions, counts, strict=True)
    ]
    return Picks(positions, counts.astype(np.float64), reasons)


def cluster(
    rows: NDArray[np.float32], quota: int, bits: NDArray[np.uint64], iterations: int
) -> Clusters:
    """Alternate between assigning rows to medoids and moving medoids, for one class.

    The medoid of a cluster is exactly its member nearest the cluster mean m, because
    ``sum_i |x_i - x_j|^2 = sum_i |x_i - m|^2 + s |x_j - m|^2`` over the s members (the mixed
    terms add up to zero), and only the last term depends on j. So an update costs s d instead
    of s^2 d. Clusters are disjoint and each holds its own medoid, so medoids stay distinct,
    even among equal rows.

    Parameters
    ----------
    rows : ndarray of float32, shape (m, d)
        In ascending order of id.
    quota : int
        Medoids wanted, from 1 to m.
    bits : ndarray of uint64, shape (m,)
        Keyed randomness of each row.
    iterations : int
        Most updates; it stops earlier when no medoid moves.
    """
    if quota == len(rows):
        everything = np.arange(len(rows))
        return Clusters(everything, np.ones(len(rows), dtype=np.int64), [0.0])
    error = distance_error(rows.shape[1], float(squared_norms(rows).max()))
    medoids = seed_medoids(rows, quota, bits, error)
    nearest, squared = _assign(rows, medoids, error)
    objectives = [float(squared.sum())]
    for _ in range(iterations):
        moved = central_members(rows, nearest, quota)
        if np.array_equal(moved, medoids):
            break
        medoids = np.sort(moved)
        nearest, squared = _assign(rows, medoids, error)
        objectives.append(float(squared.sum()))
    return Clusters(medoids, np.bincount(nearest, minlength=quota), objectives)


def seed_medoids(
    rows: NDArray[np.float32], quota: int, bits: NDArray[np.uint64], error: float
) -> NDArray[np.int64]:
    """k-means++: each next medoid with probability in proportion to its squared distance.

    Drawn as a race: the row with the least ``-log(u_i) / D_i^2`` wins with exactly that
    probability, and ``u_i`` depends on (seed, id, step) alone. Once every row is covered (up
    to `error`) the race goes by ``-log(u_i)``.

    Parameters
    ----------
    rows : ndarray of float32, shape (m, d)
    quota : int
    bits : ndarray of uint64, shape (m,)
    error : float
        Squared distances below this count as zero.

    Returns
    -------
    ndarray of int64, shape (quota,)
        Distinct positions, ascending.
    """
    norms = squared_norms(rows)
    free = np.ones(len(rows), dtype=bool)
    squared = np.full(len(rows), np.inf)
    chosen: list[int] = []
    for step in range(quota):
        times = -np.log(uniform_of(bits, step))
        far = free & (squared > error)
        if not far.any():
            far = free
        elif step:
            times[far] /= squared[far]
        times[~far] = np.inf
        pick = int(np.argmin(times))
        chosen.append(pick)
        free[pick] = False
        np.minimum(squared, norms + norms[pick] - 2.0 * (rows @ rows[pick]), out=squared)
    return np.sort(np.array(chosen, dtype=np.int64))


def _assign(
    rows: NDArray[np.float32], medoids: NDArray[np.int64], error: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Nearest medoid of each row (ties: lower id), and a medoid its own."""
    # of equal medoids only the first can win: leaving out the others keeps near ties few
    _, first = np.unique(rows[medoids], axis=0, return_index=True)
    distinct = np.sort(first)
    nearest, squared = nearest_centres(rows, rows[medoids[distinct]], error)
    nearest = distinct[nearest]
    nearest[medoids] = np.arange(len(medoids))
    return nearest, squared


def central_members(
    rows: NDArray[np.float32], nearest: NDArray[np.int64], count: int
) -> NDArray[np.int64]:
    """Member nearest the mean of each cluster; ties: lower id.

    Parameters
    ----------
    rows : ndarray of float32, shape (m, d)
    nearest : ndarray of int64, shape (m,)
        Cluster of each row; every cluster from 0 to ``count - 1`` has a row.
    count : int

    Returns
    -------
    ndarray of int64, shape (count,)
        In order of the clusters.
    """
    order = np.argsort(nearest, kind="stable")
    sizes = np.bincount(nearest, minlength=count)
    begin = np.cumsum(sizes) - sizes
    means = np.add.reduceat(rows[order].astype(np.float64), begin, axis=0) / sizes[:, None]
    squared = np.empty(len(rows))
    step = max(1, TILE // rows.shape[1])
    for at in range(0, len(rows), step):
        part = slice(at, at + step)
        squared[part] = canonical_squared_distance(rows[part], means[nearest[part]])
    return np.lexsort((np.arange(len(rows)), squared, nearest))[begin]


SELECTOR = Selector(
    name="k_medoids",
    core=k_medoids,
    version="1",
    needs=frozenset({"embeddings", "labels"}),
    tasks=frozenset({"text", "tabular"}),
    stochastic=True,
    nested=False,
    class_floor=True,
    summary="One typical row for each cluster of each class.",
    formula="argmin_S sum_i min_{j in S} |x_i - x_j|^2 in each class; Webster quotas",
    paper="Park and Jun, Expert Systems with Applications 36(2), 2009",
    cost="n b d / C an iteration",
    options={"iterations": 25},
)
