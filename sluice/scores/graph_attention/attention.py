"""What a row's attention is worth: sums over those that attend to it, three normalisations.

``I_j = mean over heads, then layers, of sum over i != j of alpha_ij``: attention *received*. What
a row *pays* adds up to 1 for every row and ranks nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum

import numpy as np
from numpy.typing import NDArray


def attention(received: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Attention received, mean over heads and then over layers.

    Parameters
    ----------
    received : sequence of ndarray of float64, shape (heads, n)
        One matrix a layer; see `sluice.scores.graph_attention.attention_layer.received`.

    Returns
    -------
    ndarray of float64, shape (n,)
        0 for a row that nobody attends to.
    """
    return np.mean([layer.mean(axis=0) for layer in received], axis=0)


def by_degree(scores: NDArray[np.float64], degrees: NDArray[np.int64]) -> NDArray[np.float64]:
    """Attention per neighbour; 0 for a row without one.

    It takes away what attention shares with the degree, and by this prefers outliers.

    Parameters
    ----------
    scores : ndarray of float64, shape (n,)
        From `attention`.
    degrees : ndarray of int64, shape (n,)
    """
    return scores / np.maximum(degrees, 1)


def by_layer(received: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Mean over layers of each layer's share, so that no layer outweighs another.

    Parameters
    ----------
    received : sequence of ndarray of float64, shape (heads, n)

    Returns
    -------
    ndarray of float64, shape (n,)
        Adds up to 1; all 0 where nobody attends to another.
    """
    layers = [layer.mean(axis=0) for layer in received]
    totals = [fsum(layer) for layer in layers]  # exact, hence the same in any order of rows
    shares = [
        layer / total if total > 0 else layer for layer, total in zip(layers, totals, strict=True)
    ]
    return np.mean(shares, axis=0)
