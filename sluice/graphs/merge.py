"""Sorted neighbour lists: gaps closed and arrivals put in, many lists at once and no sort."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MERGED = 4096
"""Lists merged at once: what they need stays in the cache."""

Lists = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Positions, -1 in the gaps, and cosines; each row by cosine falling, then rank rising."""


class Arrivals(NamedTuple):
    """Rows that enter lists, ordered by list and then by key.

    Attributes
    ----------
    at, row : ndarray of int64, shape (a,)
        Whose list, and which row.
    weight : ndarray of float64, shape (a,)
        Their canonical cosine.
    """

    at: NDArray[np.int64]
    row: NDArray[np.int64]
    weight: NDArray[np.float64]


def merge(
    lists: Lists, ranks: NDArray[np.int64], affected: NDArray[np.int64], arrivals: Arrivals
) -> None:
    """Close the gaps in some lists and put in what arrives, cut to the width; in place.

    Parameters
    ----------
    lists : pair of ndarray, shapes (n, w)
    ranks : ndarray of int64, shape (n,)
        Place of each row's id in ascending order.
    affected : ndarray of int64, shape (r,)
        Lists with gaps or arrivals, ascending.
    arrivals : Arrivals
        None of these rows is in the list already.

    Notes
    -----
    Cost r w and a w comparisons; memory `MERGED` lists.
    """
    for start in range(0, len(affected), MERGED):
        _merge_part(lists, ranks, affected[start : start + MERGED], arrivals)


def place_within(group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Place of each entry within its group, from 0; `group` ascends."""
    return np.arange(len(group)) - np.searchsorted(group, group)


def _merge_part(
    lists: Lists, ranks: NDArray[np.int64], at: NDArray[np.int64], arrivals: Arrivals
) -> None:
    """Close the gaps in the lists `at` (ascending) and put in what arrives, cut to their width."""
    wide = lists[0].shape[1]
    old, old_weights = lists[0][at], lists[1][at]
    first, end = np.searchsorted(arrivals.at, [at[0], at[-1] + 1])
    come = Arrivals(arrivals.at[first:end], arrivals.row[first:end], arrivals.weight[first:end])
    nth = place_within(come.at)
    some = nth < wide
    row, nth = np.searchsorted(at, come.at[some]), nth[some]
    new, new_weights = come.row[some], come.weight[some]

    live = old >= 0
    before = old_weights[row] > new_weights[:, None]
    before |= (old_weights[row] == new_weights[:, None]) & (ranks[old[row]] < ranks[new, None])
    ahead = np.count_nonzero(before & live[row], axis=1)
    # arrivals before the j-th entry left: those with at most j entries ahead of them
    came = np.bincount(row * (wide + 1) + ahead, minlength=len(at) * (wide + 1))
    came = np.cumsum(came.reshape(len(at), wide + 1), axis=1)
    to = np.cumsum(live, axis=1) - 1
    to += np.take_along_axis(came, to, axis=1)  # the places of dead entries are not used

    keep = np.nonzero(live & (to < wide))
    stays = ahead + nth < wide
    merged, weights = np.full_like(old, -1), np.full_like(old_weights, -np.inf)
    merged[keep[0], to[keep]], weights[keep[0], to[keep]] = old[keep], old_weights[keep]
    goes_in = (row[stays], (ahead + nth)[stays])
    merged[goes_in], weights[goes_in] = new[stays], new_weights[stays]
    lists[0][at], lists[1][at] = merged, weights
