"""How many others a row resembles: the mean cosine to its nearest neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.graphs.knn import KnnGraph


def density(graph: KnnGraph) -> NDArray[np.float64]:
    """Mean canonical cosine of each row to its k graph neighbours; higher is denser.

    The information density of Settles and Craven (2008), with the mean over all rows replaced
    by the mean over the k nearest (ours): the mean over all rows ranks by closeness to the
    overall mean. Missing neighbours (fewer than k other rows) do not count; a single row
    scores 0.

    Parameters
    ----------
    graph : KnnGraph

    Returns
    -------
    ndarray of float64, shape (n,)
        In [-1, 1].

    Notes
    -----
    Cost and memory n k and n. Summed column by column, so a row's score depends only on its
    own list.
    """
    total = np.zeros(len(graph), dtype=np.float64)
    count = np.zeros(len(graph), dtype=np.float64)
    for weights, positions in zip(graph.weights.T, graph.neighbours.T, strict=True):
        there = positions >= 0
        total += np.where(there, weights, 0.0)
        count += there
    return total / np.maximum(count, 1.0)
