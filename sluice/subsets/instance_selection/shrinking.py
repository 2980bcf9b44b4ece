"""Nearest-neighbour lists of all rows in a set that only shrinks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.subsets.instance_selection.neighbours import nearest

SPARE = 28
"""Neighbours known beyond those in use: each saves a search later."""


class Shrinking:
    """The `width` nearest rows of every row, among the rows that are left.

    Attributes
    ----------
    alive : ndarray of bool, shape (m,)
    near : ndarray of int64, shape (m, width)
        Living neighbours, nearest first, ties by lower id, of removed rows too; -1 where
        fewer are left.
    members : list of list of int
        For each living row, the rows that have it in `near`.

    Notes
    -----
    A list is searched with `SPARE` more neighbours than it needs, and again, together with
    the others that have used up half of theirs, when it runs out. As what is left shrinks, so
    do the searches: in practice each row is searched for one to two times more. Memory m
    (width + SPARE).
    """

    def __init__(self, rows: NDArray[np.float32], width: int) -> None:
        self._rows, self._width = rows, width
        self.alive = np.ones(len(rows), dtype=bool)
        self._queue = nearest(rows, width + SPARE)
        self.near = self._queue[:, :width].copy()
        self._next = np.full(len(rows), width, dtype=np.int64)
        self.members: list[list[int]] = [[] for _ in range(len(rows))]
        for row, found in enumerate(self.near.tolist()):
            for other in found:
                if other >= 0:
                    self.members[other].append(row)

    def remove(self, row: int) -> None:
        """Take a living row out, and give each of its members another neighbour."""
        self.alive[row] = False
        for member in self.members[row]:
            found = self.near[member]
            at = int(np.flatnonzero(found == row)[0])
            found[at:-1] = found[at + 1 :]
            found[-1] = -1
            other = self._replacement(member)
            found[-1] = other
            if other >= 0:
                self.members[other].append(member)
        self.members[row] = []

    def _replacement(self, member: int) -> int:
        """Nearest living row behind those of a member's list, -1 for none."""
        while True:
            queue, at = self._queue[member], int(self._next[member])
            while at < len(queue) and queue[at] >= 0 and not self.alive[queue[at]]:
                at += 1
            self._next[member] = at
            if at < len(queue):
                # the end of what is left stays the end, for nothing ever comes back
                self._next[member] += int(queue[at] >= 0)
                return int(queue[at])
            self._search(member)

    def _search(self, member: int) -> None:
        """Search again for a member, and for those that will soon need it."""
        soon = np.flatnonzero(self._next >= self._width + SPARE // 2)
        asked = np.union1d(soon, [member])
        left = np.flatnonzero(self.alive)
        self._queue[asked] = nearest(self._rows, self._width + SPARE, asked, left)
        # a list in use holds the first living rows; one of it may be the row just removed
        held = self.near[asked]
        self._next[asked] = ((held >= 0) & self.alive[held]).sum(axis=1)
