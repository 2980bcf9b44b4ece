"""Which rows lie in the ball around each row, and how wide balls of one kind may be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sluice.core.randomness import keyed_uniform
from sluice.subsets.clustered.clusters import cluster_rows
from sluice.subsets.covering.distances import (
    PRODUCTS,
    distance_error,
    pair_squared_distances,
    squared_norms,
)
from sluice.subsets.instance_selection.neighbours import squared_blocks
from sluice.subsets.queries.ranked import top

JUDGED = 1000
"""Rows of the keyed sample by which a radius is chosen."""


@dataclass(frozen=True)
class Balls:
    """Rows within a radius of each row, itself among them, as one list after another.

    Attributes
    ----------
    begins : ndarray of int64, shape (n + 1,)
    members : ndarray of int32, shape (pairs,)
        Ascending for each row.
    """

    begins: NDArray[np.int64]
    members: NDArray[np.int32]

    def of(self, row: int) -> NDArray[np.int32]:
        """Return the rows in the ball around one row."""
        return self.members[self.begins[row] : self.begins[row + 1]]


def balls(rows: NDArray[np.float32], centres: NDArray[np.float32], radius: float) -> Balls:
    """Find the rows within a radius of each centre.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, d)
    centres : ndarray of float32, shape (c, d)
    radius : float
        Inclusive.

    Returns
    -------
    Balls
        One ball a centre.

    Notes
    -----
    Exact: a float32 product decides the pairs that are surely in or out, canonical distances
    the others. Cost c n d; memory 4 bytes a pair.
    """
    norms, lengths = squared_norms(rows), squared_norms(centres)
    largest = float(max(norms.max(initial=0.0), lengths.max(initial=0.0)))
    error, limit = distance_error(rows.shape[1], largest), radius * radius
    parts, counts = [], np.zeros(len(centres) + 1, dtype=np.int64)
    step = max(1, PRODUCTS // max(1, len(rows)))
    for start in range(0, len(centres), step):
        part = slice(start, start + step)
        squared = centres[part] @ rows.T
        squared *= -2.0
        squared += norms
        squared += lengths[part, None]
        inside = squared <= limit - 2 * error
        centre, row = np.nonzero(~inside & (squared <= limit + 2 * error))
        exact = pair_squared_distances(centres[part], centre, rows, row)
        inside[centre, row] = exact <= limit
        counts[1 + start : 1 + start + len(inside)] = inside.sum(axis=1)
        parts.append(np.nonzero(inside)[1].astype(np.int32))
    return Balls(np.cumsum(counts), np.concatenate(parts))


def pure_radius(
    rows: NDArray[np.float32], ids: NDArray[np.str_], seed: int, k: int, purity: float
) -> float:
    """Greatest radius at which a share of the balls hold rows of one cluster alone.

    The clusters of k-means stand for the unknown classes (arXiv 2205.11320, section 3.2). A ball
    is pure up to the nearest row of another cluster, so the radius is a quantile of those
    distances; they are taken on a keyed sample of `JUDGED` rows (ours).

    Parameters
    ----------
    rows : ndarray of float32, shape (n, d)
    ids : ndarray of str, shape (n,)
    seed : int
    k : int
        Clusters, as many as classes.
    purity : float
        Share of pure balls, from 0 to 1.

    Returns
    -------
    float
        0 where the nearest rows of two clusters are equal; infinite with one cluster.

    Notes
    -----
    Cost n d for each sampled row, and the clustering.
    """
    labels = cluster_rows(rows, ids, seed, k).labels
    sample = np.sort(top(keyed_uniform(seed, ids), min(JUDGED, len(ids))))
    nearest = np.empty(len(sample))
    for part, squared in squared_blocks(rows[sample], rows):
        squared[labels[sample[part], None] == labels] = np.inf
        nearest[part] = squared.min(axis=1)
    impure = int((1.0 - purity) * len(nearest) + 1e-9)
    reach = float(np.sqrt(np.sort(nearest)[min(impure, len(nearest) - 1)]))
    return float(np.nextafter(reach, 0.0))
