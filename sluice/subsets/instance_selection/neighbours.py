"""Exact Euclidean nearest neighbours in blocks, ties by id, and what they vote."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError

BLOCK = 1 << 21
"""Squared distances held at once (16 MiB)."""


def check_neighbours(k: object) -> int:
    """Return the option `n_neighbors` as an int.

    Raises
    ------
    ConfigError
        It is no integer, or below 1.
    """
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise ConfigError(f"n_neighbors is {k!r}; give an integer of at least 1.")
    return int(k)


def squared_blocks(
    queries: NDArray[np.float32], among: NDArray[np.float32]
) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Squared Euclidean distances of some rows to others, block by block.

    Differences are squared and added pair by pair in float64, never through a matrix product,
    so equal rows are exactly 0 apart, both orders of a pair agree, and no block shape changes
    a bit: ties are ties.

    Parameters
    ----------
    queries : ndarray of float32, shape (q, d)
    among : ndarray of float32, shape (m, d)

    Yields
    ------
    part : slice
        Of the queries.
    squared : ndarray of float64, shape (rows of the part, m)
        The caller may overwrite it.

    Notes
    -----
    Cost q m d, memory `BLOCK` doubles and a float64 copy of the rows.
    """
    from scipy.spatial.distance import cdist

    fixed = among.astype(np.float64)
    step = max(1, BLOCK // max(1, len(among)))
    for start in range(0, len(queries), step):
        part = slice(start, min(start + step, len(queries)))
        squared = cdist(queries[part].astype(np.float64), fixed, "sqeuclidean")
        yield part, np.asarray(squared, dtype=np.float64)


def nearest(
    rows: NDArray[np.float32],
    k: int,
    queries: NDArray[np.int64] | None = None,
    among: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Find the k nearest rows of each row, itself left out.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, d)
        In ascending order of id.
    k : int
        Neighbours wanted, at least 1.
    queries, among : ndarray of int64, optional
        Positions to search for, and ascending positions to search in; all by default.

    Returns
    -------
    ndarray of int64, shape (q, k)
        Positions, nearest first, ties by lower id; -1 where there are fewer than k others.
    """
    asked = np.arange(len(rows)) if queries is None else queries
    pool = np.arange(len(rows)) if among is None else among
    found = np.full((len(asked), k), -1, dtype=np.int64)
    if not len(pool):
        return found
    for part, squared in squared_blocks(rows[asked], rows[pool]):
        own = np.searchsorted(pool, asked[part])
        inside = np.flatnonzero(own < len(pool))
        inside = inside[pool[own[inside]] == asked[part][inside]]
        squared[inside, own[inside]] = np.inf
        columns = smallest(squared, k)
        there = np.isfinite(np.take_along_axis(squared, columns, axis=1))
        found[part, : columns.shape[1]] = np.where(there, pool[columns], -1)
    return found


def smallest(values: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """Columns of the k least values of each row, least first, ties by lower column.

    Parameters
    ----------
    values : ndarray of float64, shape (q, m)
    k : int

    Returns
    -------
    ndarray of int64, shape (q, min(k, m))
    """
    k = min(k, values.shape[1])
    columns = np.argpartition(values, k - 1, axis=1)[:, :k]
    chosen = np.take_along_axis(values, columns, axis=1)
    order = np.lexsort((columns, chosen), axis=1)
    columns = np.take_along_axis(columns, order, axis=1)
    # a partition may take any of the columns that tie for the last place: there, look again
    last = chosen.max(axis=1, keepdims=True)
    tied = np.flatnonzero((values <= last).sum(axis=1) > k)
    row, column = np.nonzero(values[tied] <= last[tied])
    order = np.lexsort((column, values[tied][row, column], row))
    begin = np.searchsorted(row[order], np.arange(len(tied)))
    columns[tied] = column[order][begin[:, None] + np.arange(k)]
    return columns.astype(np.int64)


def vote(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Class that most neighbours have; ties go to the class whose first neighbour is nearest.

    Parameters
    ----------
    labels : ndarray of int64, shape (q, k)
        Classes of the neighbours, nearest first; -1 where there is no neighbour.

    Returns
    -------
    ndarray of int64, shape (q,)
        -1 where there is no neighbour at all.
    """
    counts = (labels[:, :, None] == labels[:, None, :]).sum(axis=2)
    counts[labels < 0] = 0
    return labels[np.arange(len(labels)), counts.argmax(axis=1)]


def labels_of(labels: NDArray[np.int64], found: NDArray[np.int64]) -> NDArray[np.int64]:
    """Classes of the neighbours that `nearest` found; -1 where there is none."""
    return np.where(found < 0, -1, labels[found])


def vote_margin(labels: NDArray[np.int64], near: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of a row's neighbours in its own class less that of the strongest other class.

    Parameters
    ----------
    labels : ndarray of int64, shape (n,)
    near : ndarray of int64, shape (n, k)
        Classes of the neighbours, -1 where there is none.

    Returns
    -------
    ndarray of float64, shape (n,)
        From -1 to 1; 0 where there is no neighbour.
    """
    there = near >= 0
    own = near == labels[:, None]
    counts = (near[:, :, None] == near[:, None, :]).sum(axis=2)
    other = np.where(there & ~own, counts, 0).max(axis=1)
    return (own.sum(axis=1) - other) / np.maximum(1, there.sum(axis=1))
