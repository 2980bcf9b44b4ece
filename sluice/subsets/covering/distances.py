"""Nearest centres: a float32 product proposes, canonical distances decide."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.graphs.canonical import TILE, canonical_squared_distance

PRODUCTS = 1 << 21
"""Float32 products held at once (8 MiB)."""


def squared_norms(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Squared Euclidean norm of each row, shape (n,)."""
    return np.einsum("ij,ij->i", rows, rows)


def distance_error(d: int, largest: float) -> float:
    """Bound on the error of ``|x|^2 + |y|^2 - 2 x.y`` in float32, whatever the order of sums.

    Each of the three products errs by at most d 2^-24 times `largest` (together 4 d of them),
    the three additions and the clipping by a few units more.

    Parameters
    ----------
    d : int
        Length of a row.
    largest : float
        Greatest squared norm of any row.
    """
    return (4.2 * d + 16) * 2.0**-24 * largest


def nearest_centres(
    rows: NDArray[np.float32],
    centres: NDArray[np.float32],
    error: float,
    limits: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Nearest centre of each row and its canonical squared distance.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, d)
    centres : ndarray of float32, shape (c, d)
    error : float
        From `distance_error`, for the rows and the centres.
    limits : ndarray of int64, shape (n,), optional
        Row i sees only the first ``limits[i] >= 1`` centres; all by default.

    Returns
    -------
    nearest : ndarray of int64, shape (n,)
        Ties go to the lower index.
    squared : ndarray of float64, shape (n,)

    Notes
    -----
    Cost n c d in float32, and about n d in float64. Memory `PRODUCTS` floats. The result does
    not depend on the block size: every centre within twice the error of the best float32
    distance is measured canonically.
    """
    nearest = np.empty(len(rows), dtype=np.int64)
    squared = np.empty(len(rows), dtype=np.float64)
    lengths = squared_norms(centres)
    step = max(1, PRODUCTS // max(1, len(centres)))
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        block = rows[part]
        # |x|^2 is the same for every centre of a row: leave it out
        products = block @ centres.T
        products *= -2.0
        products += lengths
        if limits is not None:
            products[np.arange(len(centres)) >= limits[part, None]] = np.inf
        near = products <= products.min(axis=1)[:, None] + np.float32(2 * error)
        row, centre = np.nonzero(near)
        exact = pair_squared_distances(block, row, centres, centre)
        order = np.lexsort((centre, exact, row))
        first = order[np.searchsorted(row[order], np.arange(len(block)))]
        nearest[part], squared[part] = centre[first], exact[first]
    return nearest, squared


def squared_distances_to(
    rows: NDArray[np.float32], point: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Canonical squared distance of every row to one point, in cached blocks, shape (n,)."""
    out = np.empty(len(rows), dtype=np.float64)
    step = max(1, TILE // max(1, rows.shape[1]))
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        out[part] = canonical_squared_distance(rows[part], point)
    return out


def pair_squared_distances(
    rows: NDArray[np.float32],
    row: NDArray[np.int64],
    centres: NDArray[np.float32] | NDArray[np.float64],
    centre: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Canonical squared distances of pairs of a row and a centre, in cached blocks.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, d)
    row : ndarray of int64, shape (p,)
    centres : ndarray of float32 or float64, shape (c, d)
    centre : ndarray of int64, shape (p,)

    Returns
    -------
    ndarray of float64, shape (p,)
    """
    out = np.empty(len(row), dtype=np.float64)
    step = max(1, TILE // max(1, rows.shape[1]))
    for start in range(0, len(row), step):
        part = slice(start, start + step)
        out[part] = canonical_squared_distance(rows[row[part]], centres[centre[part]])
    return out
