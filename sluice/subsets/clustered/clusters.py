"""Clusters of all rows for the methods that share a budget out among clusters.

k-means on Euclidean distance, as `sluice.subsets.covering.k_medoids_clusters` runs it: started
from the means of a keyed sample's Ward clusters, so that no randomness enters but that of (seed,
id). Above `LIMIT` clusters the start is a keyed sample of k rows instead, which is how faiss starts
and with it the code of Diversify and Conquer; Ward's method would need memory of k^2.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sluice.core.randomness import keyed_bits
from sluice.subsets.clustered.plain_vectors import whole
from sluice.subsets.covering.distances import pair_squared_distances
from sluice.subsets.covering.k_medoids_clusters import LIMIT, k_means

ITERATIONS = 25
"""Most k-means updates."""

JUDGED = 2000
"""Rows of the keyed sample on which the silhouette is taken."""


@dataclass(frozen=True)
class RowClusters:
    """Every row's cluster.

    Attributes
    ----------
    labels : ndarray of int64, shape (n,)
        From 0 upwards without a gap.
    centroids : ndarray of float64, shape (k, d)
        Means of the clusters.
    """

    labels: NDArray[np.int64]
    centroids: NDArray[np.float64]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Rows of each cluster, shape (k,)."""
        return np.bincount(self.labels, minlength=len(self.centroids)).astype(np.int64)


def cluster_rows(
    rows: NDArray[np.float32], ids: NDArray[np.str_], seed: int, k: int | None = None
) -> RowClusters:
    """Cluster rows by k-means.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, d)
        In ascending order of id, at least one.
    ids : ndarray of str, shape (n,)
        Key the start together with the seed.
    seed : int
    k : int, optional
        Clusters wanted; no more than rows. By default the one of `candidate_counts` with the
        greatest silhouette on a keyed sample of `JUDGED` rows; ties: fewer clusters (the paper
        of Diversify and Conquer chooses by silhouette; the candidates and the sample are ours).

    Returns
    -------
    RowClusters
        Fewer than k clusters where too few rows differ.

    Raises
    ------
    ConfigError
        `k` is no positive integer.

    Notes
    -----
    Cost n k d an update, `ITERATIONS` of them at most; without k, twice that of the greatest
    candidate. The same bits in any order in which rows were given, on one kind of machine.
    """
    bits = keyed_bits(seed, ids)
    if k is None:
        return _of(rows, _by_silhouette(rows, bits))
    return _of(rows, _labels(rows, min(whole("k", k), len(rows)), bits))


def candidate_counts(n: int) -> list[int]:
    """Powers of two from 2 to the root of n, 128 at most, that are tried where k is not given.

    Parameters
    ----------
    n : int
        Rows there are.
    """
    return [2**power for power in range(1, 8) if 4**power <= n]


def _by_silhouette(rows: NDArray[np.float32], bits: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Cluster of each row under the candidate with the greatest silhouette; one without any."""
    from sklearn.metrics import silhouette_score

    sample = np.sort(np.argsort(bits, kind="stable")[:JUDGED])
    best, greatest = np.zeros(len(rows), dtype=np.int64), -np.inf
    for count in candidate_counts(len(rows)):
        labels = _labels(rows, count, bits)
        # the silhouette needs two clusters, and one of more than one row
        if not 2 <= len(np.unique(labels[sample])) < len(sample):
            continue
        score = float(silhouette_score(rows[sample], labels[sample]))
        if score > greatest:
            best, greatest = labels, score
    return best


def _labels(rows: NDArray[np.float32], count: int, bits: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Cluster of each row, from 0 upwards without a gap."""
    if count <= LIMIT:
        return k_means(rows, count, bits, ITERATIONS)
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    initial = rows[np.sort(np.argsort(bits, kind="stable")[:count])]
    method: Any = KMeans(count, init=cast(Any, initial), n_init=cast(Any, 1), max_iter=ITERATIONS)
    # several threads add up the means in the order in which they finish: no bits to rely on
    with warnings.catch_warnings(), threadpool_limits(limits=1, user_api="openmp"):
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct rows than clusters
        labels = method.fit(rows).labels_
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def _of(rows: NDArray[np.float32], labels: NDArray[np.int64]) -> RowClusters:
    """Add the means, in float64 and in order of id."""
    order = np.argsort(labels, kind="stable")
    sizes = np.bincount(labels)
    begin = np.cumsum(sizes) - sizes
    totals = np.add.reduceat(rows[order].astype(np.float64), begin, axis=0)
    return RowClusters(labels, totals / sizes[:, None])


def to_centroids(rows: NDArray[np.float32], clusters: RowClusters) -> NDArray[np.float64]:
    """Squared distance of each row to the mean of its cluster, canonical, shape (n,).

    Parameters
    ----------
    rows : ndarray of float32, shape (n, d)
    clusters : RowClusters
        Of these rows.
    """
    return pair_squared_distances(rows, np.arange(len(rows)), clusters.centroids, clusters.labels)
