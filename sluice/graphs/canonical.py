"""Scores that decide: float64, one fixed order of additions, a pure function of two rows.

No BLAS gives the same bits for the same pair in another batch shape, so whatever ranks rows
(a neighbour list, a near tie) is computed here and not there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TILE = 1 << 17
"""Doubles held at once by the blocked callers (1 MiB): they stay in a core's cache."""


def halving_sum(terms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum the last axis by a fixed halving tree; `terms` is overwritten.

    The upper half is added to the lower half until one term is left (384, 192, ..., 6, 3);
    the last of an odd number moves up unadded, so 3 is summed from left to right. Only
    element-wise additions are used, hence the bits depend on the terms alone and never on how
    many rows are summed at once.

    Parameters
    ----------
    terms : ndarray of float64, shape (..., d)
        What to add, ``d >= 1``.

    Returns
    -------
    ndarray of float64, shape (...)
    """
    width = terms.shape[-1]
    while width > 1:
        half = width // 2
        np.add(terms[..., :half], terms[..., half : 2 * half], out=terms[..., :half])
        if width % 2:
            terms[..., half] = terms[..., width - 1]
        width = half + width % 2
    return terms[..., 0].copy()


def canonical_cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    """Cosine of L2-normalised rows, the same bits in any batch and in either order.

    Products of two float32 are exact in float64, so the halving tree is the only rounding.

    Parameters
    ----------
    a, b : ndarray of float32, shapes (..., d), broadcast against each other
        L2-normalised rows.

    Returns
    -------
    ndarray of float64, shape (...)
        ``sum_k a_k b_k``.

    Notes
    -----
    Holds the broadcast products as float64 at once; callers with many pairs pass blocks.
    """
    return halving_sum(a.astype(np.float64) * b.astype(np.float64))


def canonical_squared_distance(
    a: NDArray[np.float32] | NDArray[np.float64], b: NDArray[np.float32] | NDArray[np.float64]
) -> NDArray[np.float64]:
    """Squared Euclidean distance, the same bits in any batch and in either order.

    Parameters
    ----------
    a, b : ndarray of float32 or float64, shapes (..., d), broadcast against each other

    Returns
    -------
    ndarray of float64, shape (...)
        ``sum_k (a_k - b_k)^2``; exactly 0 for equal rows.
    """
    difference = a.astype(np.float64) - b.astype(np.float64)
    return halving_sum(np.square(difference, out=difference))


def canonical_cosine_lists(
    queries: NDArray[np.float32], vectors: NDArray[np.float32], lists: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Canonical cosine of each query with the rows that its list names, in cached blocks.

    Parameters
    ----------
    queries : ndarray of float32, shape (q, d)
    vectors : ndarray of float32, shape (n, d)
    lists : ndarray of int64, shape (q, w)
        Positions in `vectors`.

    Returns
    -------
    ndarray of float64, shape (q, w)
    """
    count, width = lists.shape
    scores = np.empty((count, width), dtype=np.float64)
    rows = max(1, TILE // max(1, width * vectors.shape[1]))
    for start in range(0, count, rows):
        part = slice(start, start + rows)
        scores[part] = canonical_cosine(queries[part, None, :], vectors[lists[part]])
    return scores


def canonical_cosine_pairs(
    vectors: NDArray[np.float32], first: NDArray[np.int64], second: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Canonical cosine of pairs of rows, in cached blocks.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, d)
    first, second : ndarray of int64, shape (p,)
        Positions in `vectors`.

    Returns
    -------
    ndarray of float64, shape (p,)
    """
    scores = np.empty(len(first), dtype=np.float64)
    step = max(1, TILE // max(1, vectors.shape[1]))
    for start in range(0, len(first), step):
        part = slice(start, start + step)
        scores[part] = canonical_cosine(vectors[first[part]], vectors[second[part]])
    return scores
