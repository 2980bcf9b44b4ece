"""k-means: the row nearest to each of as many centroids as rows are asked for.

The clustering strategy of the survey (arXiv 2008.07267), as in Xu and others, Representative
Sampling for Text Classification Using Support Vector Machines (ECIR 2003).
"""

from __future__ import annotations

import numpy as np

from sluice.subsets.clustered.clusters import cluster_rows, to_centroids
from sluice.subsets.clustered.plain_vectors import scale_free
from sluice.subsets.contract import Picks, Pool, Selector


def _core(pool: Pool, budget: int, seed: int) -> Picks:
    """Ask for the row nearest to each centroid, larger clusters first (ours).

    Where there are fewer clusters than rows asked for, because rows are equal, the next
    nearest rows of each follow in turn.
    """
    assert pool.embeddings is not None
    rows = scale_free(pool.embeddings)
    largest = float(np.abs(pool.embeddings).max(initial=0.0))
    clusters = cluster_rows(rows, pool.ids, seed, budget)
    squared = to_centroids(rows, clusters)
    sizes = clusters.sizes
    # within a cluster by distance; then each cluster's first, each one's second, and so on
    order = np.lexsort((np.arange(len(squared)), squared, clusters.labels))
    begin = np.cumsum(sizes) - sizes
    turn = np.arange(len(order)) - begin[clusters.labels[order]]
    chosen = order[np.lexsort((clusters.labels[order], -sizes[clusters.labels[order]], turn))]
    positions = chosen[:budget]
    gains = sizes[clusters.labels[positions]].astype(np.float64)
    distances = largest * np.sqrt(squared[positions])
    reasons = [
        f"Nearest to the mean of a cluster of {int(gain)} rows: {distance:.3f} from it."
        for gain, distance in zip(gains.tolist(), distances.tolist(), strict=True)
    ]
    return Picks(positions, gains, reasons)


SELECTOR = Selector(
    name="k_means",
    core=_core,
    version="2",
    needs=frozenset({"embeddings"}),
    tasks=frozenset({"text"}),
    stochastic=True,
    nested=False,
    class_floor=False,
    summary="The row nearest to each of as many centroids as rows are asked for.",
    formula="argmin_x |x - mu_c| for each of b clusters",
    paper="Xu and others, ECIR 2003",
    cost="25 n b d",
    family=("data-based", "representativeness", "clustering"),
)
