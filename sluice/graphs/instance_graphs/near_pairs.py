"""Nearest rows of a batch: an exact product on a grid proposes, canonical distances decide."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.graphs.canonical import TILE, canonical_squared_distance


def grid_squares(rows: NDArray[np.float32]) -> tuple[NDArray[np.float64], float]:
    """Squared distances of all pairs, of the rows rounded to a grid.

    The grid is so coarse that every sum is a whole number below 2^53: the product is exact, and
    the same for any BLAS, number of threads and shape. Entries keep 22 bits below the largest of
    the batch at d = 100, 21 at d = 500.

    Parameters
    ----------
    rows : ndarray of float32, shape (size, d)

    Returns
    -------
    squares : ndarray of float64, shape (size, size)
        In squared grid steps. The square root of each is within ``sqrt(d)`` of the true distance.
    step : float
        Width of the grid.

    Notes
    -----
    Cost size^2 d.
    """
    # |x|^2 + |y|^2 - 2 x.y needs 4 d (2^bits)^2 <= 2^53
    bits = (51 - (rows.shape[1] - 1).bit_length()) // 2
    exponent = int(np.frexp(np.abs(rows).max(initial=0.0))[1])
    whole = np.rint(np.ldexp(rows.astype(np.float64), bits - exponent))
    norms = np.einsum("ij,ij->i", whole, whole)
    squares = whole @ whole.T
    squares *= -2.0
    squares += norms[:, None]
    squares += norms
    return squares, 2.0 ** (exponent - bits)


def median_distance(squares: NDArray[np.float64]) -> float:
    """Median distance of the pairs; of those above 0 if it is 0; 0 if there are none.

    Parameters
    ----------
    squares : ndarray of float64, shape (size, size)
        Squared distances, symmetric; ``size >= 2``.
    """
    values = squares[np.tri(len(squares), k=-1, dtype=np.bool_)]
    middle = _median_root(values)
    if middle > 0:
        return middle
    values = values[values > 0]
    return _median_root(values) if len(values) else 0.0


def _median_root(squares: NDArray[np.float64]) -> float:
    """Median of the square roots, without taking the root of each."""
    low, high = (len(squares) - 1) // 2, len(squares) // 2
    placed = np.partition(squares, [low, high])
    return float((np.sqrt(placed[low]) + np.sqrt(placed[high])) / 2)


def nearest_pairs(
    rows: NDArray[np.float32], squares: NDArray[np.float64], k: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Pairs of which one is among the k nearest of the other.

    Parameters
    ----------
    rows : ndarray of float32, shape (size, d)
        ``size >= 2``. Of equally near rows the lower position is taken.
    squares : ndarray of float64, shape (size, size)
        From `grid_squares`; its diagonal is overwritten.
    k : int

    Returns
    -------
    first, second : ndarray of int64, shape (m,)
        ``first < second``; each pair once.
    distances : ndarray of float64, shape (m,)
        Euclidean, from the canonical squares.

    Notes
    -----
    Exact: with t the k-th grid distance of a row, the k nearest have a true distance of at most
    ``t + sqrt(d)``, hence a grid distance of at most ``t + 2 sqrt(d)``.
    Cost: size^2, and d for each pair within that; so many rows at one distance cost size^2 d.
    """
    size, d = rows.shape
    kept = min(k, size - 1)
    np.fill_diagonal(squares, np.inf)
    bound = np.sqrt(np.partition(squares, kept - 1, axis=1)[:, kept - 1]) + 2.01 * np.sqrt(d)
    near = squares <= np.square(bound)[:, None]
    near |= near.T
    first, second = np.nonzero(np.triu(near, 1))
    exact = _pair_squares(rows, first, second)
    row, other = np.concatenate([first, second]), np.concatenate([second, first])
    order = np.lexsort((other, np.concatenate([exact, exact]), row))
    row = row[order]
    place = np.arange(len(row)) - np.searchsorted(row, np.arange(size))[row]
    chosen = np.zeros(len(first), dtype=np.bool_)
    chosen[order[place < kept] % len(first)] = True
    return first[chosen], second[chosen], np.sqrt(exact[chosen])


def _pair_squares(
    rows: NDArray[np.float32], first: NDArray[np.int64], second: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Canonical squared distances of pairs, in cached blocks."""
    out = np.empty(len(first), dtype=np.float64)
    step = max(1, TILE // rows.shape[1])
    for start in range(0, len(first), step):
        part = slice(start, start + step)
        out[part] = canonical_squared_distance(rows[first[part]], rows[second[part]])
    return out
