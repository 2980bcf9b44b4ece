"""Two states of the rows matched by id, and what lies between their graphs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import DataError
from sluice.graphs.merge import Lists


@dataclass(frozen=True)
class PatchCounts:
    """What a patch did.

    Attributes
    ----------
    searched : int
        Unchanged rows searched again because fewer than k entries were left; after a build, all
        rows.
    touched : int
        Rows whose k neighbours or their weights are not what they were; new rows count.
    built : bool
        The graph was built anew, because that was cheaper or the old one was too small.
    """

    searched: int
    touched: int
    built: bool


class Change(NamedTuple):
    """Where the rows of the old state are in the new one.

    Attributes
    ----------
    source : ndarray of int64, shape (n,)
        Old position of each new row, -1 where it is new.
    place : ndarray of int64, shape (m + 1,)
        New position of each old row, -1 where it is gone; the last entry, for padding, is -1.
    changed : ndarray of int64, shape (c,)
        New positions of the rows that are new or edited, ascending.
    ranks : ndarray of int64, shape (n,)
        Place of each new id in ascending order.
    """

    source: NDArray[np.int64]
    place: NDArray[np.int64]
    changed: NDArray[np.int64]
    ranks: NDArray[np.int64]


def match_rows(
    old_ids: NDArray[np.str_], ids: NDArray[np.str_], changed: NDArray[np.str_]
) -> Change:
    """Match two states by id and check what is said to have changed.

    Parameters
    ----------
    old_ids, ids, changed : ndarray of str, shapes (m,), (n,) and (c,)
        The ids of a state are unique, in any order; quicker where they ascend.

    Raises
    ------
    DataError
        A changed id is not in `ids`, or an id that is not in `old_ids` is not in `changed`.
    """
    order = np.argsort(ids, kind="stable")
    ranks = np.empty(len(ids), dtype=np.int64)
    ranks[order] = np.arange(len(ids))
    ascending = ids[order]
    where = _find(ascending, order, changed)
    if (where < 0).any():
        name = str(changed[np.flatnonzero(where < 0)[0]])
        raise DataError(
            f"The changed id {name!r} is not among the ids; removed rows are not named."
        )
    place = np.append(_find(ascending, order, old_ids), -1)
    source = np.full(len(ids), -1, dtype=np.int64)
    stays = np.flatnonzero(place >= 0)
    source[place[stays]] = stays
    where = np.unique(where)
    new = source < 0
    new[where] = False
    if new.any():
        name = str(ids[np.flatnonzero(new)[0]])
        raise DataError(f"The id {name!r} is not in the old graph; name it among the changed ids.")
    return Change(source, place, where, ranks)


def count_touched(old: Lists, new: Lists, change: Change, k: int) -> int:
    """Rows whose first k neighbours or weights are not what they were; new rows count."""
    stays = np.flatnonzero(change.source >= 0)
    source = change.source[stays]
    differ = change.place[old[0][source, :k]] != new[0][stays, :k]
    differ |= old[1][source, :k] != new[1][stays, :k]
    return len(change.source) - len(stays) + int(np.count_nonzero(differ.any(axis=1)))


def _find(
    ascending: NDArray[np.str_], order: NDArray[np.int64], wanted: NDArray[np.str_]
) -> NDArray[np.int64]:
    """Position of each wanted id, -1 where there is none; ``ascending = ids[order]``."""
    if len(ascending) == 0:
        return np.full(len(wanted), -1, dtype=np.int64)
    at = np.minimum(np.searchsorted(ascending, wanted), len(ascending) - 1)
    return np.where(ascending[at] == wanted, order[at], -1)
