"""The step of BIDS: the row that is best for the column which lags most.

The step is exact in O(V) and not O(N V) (ours): the best of all rows is the best over the columns
of the best row left in each, ``max_j (top_j - m_j)``. Bounds of lazy greedy would not hold: m
moves both ways.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sluice.core.progress import track

TILE = 16
"""Columns that are standardised at once. No parameter of the result."""

WINDOW = 8
"""Entries of a column that are looked at at once, at first. No parameter of the result."""


@dataclass(frozen=True)
class Columns:
    """The columns that tell rows apart, and the best rows of each.

    Attributes
    ----------
    numbers : ndarray of int64, shape (C,)
        Columns of the matrix, ascending.
    scale, mean, spread : ndarray of float64, shape (C,)
        ``z = (scale a - mean) / spread``.
    order : ndarray of int32, shape (C, b)
        Rows of the matrix, by z descending, then position ascending.
    """

    numbers: NDArray[np.int64]
    scale: NDArray[np.float64]
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    order: NDArray[np.int32]

    def z(
        self, values: NDArray[np.floating], which: NDArray[np.int64] | slice
    ) -> NDArray[np.float64]:
        """Standardise one value of each of some columns: the same bits as in `order`."""
        scaled = values * self.scale[which]
        return (scaled - self.mean[which]) / self.spread[which]


def ranked_columns(
    matrix: NDArray[np.floating], usable: NDArray[np.int64], budget: int, standardised: bool
) -> Columns:
    """Standardise each column and sort it, keeping as many rows as will be picked.

    Parameters
    ----------
    matrix : ndarray of float32 or float64, shape (N, V)
    usable : ndarray of int64, shape (m,)
        Ascending positions of the rows that take part; all of their numbers are finite.
    budget : int
        b, from 1 to m.
    standardised : bool
        If not, z is the number itself, and constant columns stay.

    Returns
    -------
    Columns

    Notes
    -----
    Cost: N V, and b log b a column. Tile by tile: N x V float64 numbers are never held.
    """
    width = matrix.shape[1]
    scale, mean, spread = np.ones(width), np.zeros(width), np.ones(width)
    told = np.ones(width, dtype=bool)
    order = np.empty((width, budget), dtype=np.int32)
    with track("bids: columns", width) as advance:
        for begin in range(0, width, TILE):
            tile = matrix[:, begin : begin + TILE]
            if len(usable) < len(matrix):
                tile = tile[usable]
            # a copy, for it is changed; contiguous, so that sums depend on the column alone
            for j, column in enumerate(np.array(tile.T, np.float64, order="C"), begin):
                if standardised:
                    # not `std() == 0`: the mean of equal numbers may be rounded
                    told[j] = column.min() < column.max()
                    if not told[j]:
                        continue
                    scale[j] = _scale(column)
                    column *= scale[j]
                    mean[j], spread[j] = column.mean(), column.std()
                    column -= mean[j]
                    column /= spread[j]
                order[j] = usable[_best(column, budget)]
            advance(tile.shape[1])
    kept = np.flatnonzero(told)
    if len(kept) < width:
        order = order[kept]
    return Columns(kept, scale[kept], mean[kept], spread[kept], order)


def _scale(column: NDArray[np.float64]) -> float:
    """Return a power of two, 1 for common numbers, that keeps the squares of a column in range."""
    exponent = int(np.frexp(max(-column.min(), column.max()))[1])
    return 1.0 if abs(exponent) < 300 else 2.0 ** min(max(-exponent, -1000), 1000)


def _best(z: NDArray[np.float64], budget: int) -> NDArray[np.int64]:
    """Positions of the `budget` greatest, descending; ties: lower position."""
    if budget < len(z):
        least = np.partition(z, len(z) - budget)[len(z) - budget]
        above = np.flatnonzero(z > least)
        equal = np.flatnonzero(z == least)[: budget - len(above)]
    else:
        above, equal = np.arange(len(z)), np.empty(0, dtype=np.int64)
    return np.concatenate([above[np.argsort(-z[above], kind="stable")], equal])


def balanced_greedy(
    matrix: NDArray[np.floating], columns: Columns, budget: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Pick by the best row left in each column: ``argmax_i max_j (z_ij - m_j)``.

    Parameters
    ----------
    matrix : ndarray of float32 or float64, shape (N, V)
    columns : Columns
        Of this matrix and budget; at least one.
    budget : int
        b.

    Returns
    -------
    positions : ndarray of int64, shape (b,)
        Rows of the matrix.
    utilities : ndarray of float64, shape (b,)
    lagging : ndarray of int64, shape (b,)
        The column of the matrix that each was picked for, the first of equals.

    Notes
    -----
    Cost: C a pick, and b C in all to pass over rows that were picked for another column. m is a
    running sum over its count, so an earlier pick never depends on the budget: nested.
    """
    numbers = columns.numbers
    contiguous = slice(None) if len(numbers) == matrix.shape[1] else numbers
    positions, utilities = np.empty(budget, np.int64), np.empty(budget)
    lagging = np.empty(budget, np.int64)
    taken = np.zeros(len(matrix), dtype=bool)
    at = np.zeros(len(numbers), dtype=np.int64)
    tops = columns.order[:, 0].astype(np.int64)
    values = columns.z(matrix[tops, numbers], slice(None))
    sums = np.zeros(len(numbers))
    with track("bids", budget) as advance:
        for rank in range(budget):
            utility = values - sums / rank if rank else values
            best = utility.max()
            equal = np.flatnonzero(utility == best)
            first = equal[np.argmin(tops[equal])]
            row = tops[first]
            positions[rank], utilities[rank], lagging[rank] = row, best, numbers[first]
            sums += columns.z(matrix[row, contiguous], slice(None))
            taken[row] = True
            if rank + 1 < budget:
                behind = np.flatnonzero(tops == row)
                at[behind] = _next_free(columns.order, taken, behind, at[behind])
                tops[behind] = columns.order[behind, at[behind]]
                values[behind] = columns.z(matrix[tops[behind], numbers[behind]], behind)
            advance()
    return positions, utilities, lagging


def _next_free(
    order: NDArray[np.int32],
    taken: NDArray[np.bool_],
    which: NDArray[np.int64],
    at: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Advance in some columns to the first row that is not taken.

    There is one: a column has as many rows as are ever picked, and one pick is still to come.
    """
    at, window, last = at + 1, WINDOW, order.shape[1] - 1
    waiting = np.arange(len(which))
    while True:
        ahead = np.minimum(at[waiting, None] + np.arange(window), last)
        free = ~taken[order[which[waiting, None], ahead]]
        found = free.any(axis=1)
        at[waiting] += np.where(found, free.argmax(axis=1), window)
        if found.all():
            return at
        # a long run of taken rows: few and larger steps
        waiting, window = waiting[~found], min(2 * window, 1024)


def finite_rows(matrix: NDArray[np.floating]) -> NDArray[np.int64]:
    """Positions of the rows without NaN or infinite numbers, in blocks of bounded memory."""
    step = 1 + 2**22 // matrix.shape[1]
    blocks = [
        np.isfinite(matrix[begin : begin + step]).all(axis=1)
        for begin in range(0, len(matrix), step)
    ]
    return np.flatnonzero(np.concatenate(blocks))
