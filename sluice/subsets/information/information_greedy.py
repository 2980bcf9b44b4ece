"""Lazy greedy for information over labels: the picks of a full rescan, at a fraction of its cost.

``Phi(E) = sum_l phi(E_l)`` with ``phi(x) = (x + a)^b``, ``a = 1e-6``, ``b = 0.8``, and E the sum
of the kept rows' information (arXiv 2504.13835, algorithm 1). Gains only fall as E grows, so an
old gain is an upper bound, and only rows whose bound could win are measured again (Minoux, 1978).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.progress import track

if TYPE_CHECKING:
    from scipy.sparse import csr_array

A, B = 1e-6, 0.8

TOP = 3
"""Labels named in a reason."""

BATCH, ACTIVE = 512, 8192
"""Rows measured at once, and rows in which picks are made. No parameters of the result."""

ENTRIES = 1 << 22
"""Entries measured at once for the first bounds. No parameter of the result."""


@dataclass(frozen=True)
class Greedy:
    """What was picked.

    Attributes
    ----------
    positions : ndarray of int64, shape (b,)
    gains : ndarray of float64, shape (b,)
    labels : ndarray of int64, shape (b, TOP)
        The labels whose phi each pick raised most, greatest first; -1 where there are fewer.
    information : ndarray of float64, shape (L,)
        E of all picks.
    """

    positions: NDArray[np.int64]
    gains: NDArray[np.float64]
    labels: NDArray[np.int64]
    information: NDArray[np.float64]


def lazy_greedy(information: csr_array, budget: int, *, exact: bool = False) -> Greedy:
    """Pick the row of greatest gain, again and again; ties: lower position.

    Parameters
    ----------
    information : csr_array of float64, shape (n, L)
        Finite, 0 or more; columns ascending within a row.
    budget : int
        From 0 to n.
    exact : bool
        False: a row's gain is ``<x, phi'(E)>``, the first-order gain of the paper. True: it is
        ``Phi(E + x) - Phi(E)``, whose greedy picks reach at least 1 - 1/e of the best value.

    Notes
    -----
    The picks and gains of measuring every row at every step, bit for bit. Cost: one pass over
    the entries, then the rows that could win at each pick, and now and then a pass over the
    bounds. Memory: the entries and some numbers a row.
    """
    matrix: Any = information
    rows = _Rows(matrix.indptr.astype(np.int64), matrix.indices, matrix.data)
    state = _State(matrix.shape[1], exact)
    front = _Front(rows, state)
    positions, gains = np.empty(budget, dtype=np.int64), np.empty(budget)
    labels = np.full((budget, TOP), -1, dtype=np.int64)
    with track("information", budget) as advance:
        for rank in range(budget):
            position, gain = front.pop()
            columns, values = rows.row(position)
            rises = state.rises(columns, values)
            most = np.argsort(-rises, kind="stable")[:TOP]
            labels[rank, : len(most)] = columns[most]
            positions[rank], gains[rank] = position, gain
            state.add(columns, values)
            advance()
    return Greedy(positions, gains, labels, state.sums)


@dataclass(frozen=True)
class _Rows:
    """Sparse rows as plain arrays."""

    begin: NDArray[np.int64]
    columns: NDArray[np.int32] | NDArray[np.int64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.begin) - 1

    def row(self, position: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Columns and values of one row."""
        part = slice(self.begin[position], self.begin[position + 1])
        return self.columns[part].astype(np.int64), self.values[part]

    def entries(self, positions: NDArray[np.int64]) -> _Entries:
        """Entries of some rows, one row after the other."""
        sizes = self.begin[positions + 1] - self.begin[positions]
        first = np.cumsum(sizes) - sizes
        owner = np.repeat(np.arange(len(positions)), sizes)
        at = np.arange(len(owner)) + (self.begin[positions] - first)[owner]
        return _Entries(owner, self.columns[at].astype(np.int64), self.values[at])


@dataclass(frozen=True)
class _Entries:
    """Row (counted from 0), column and value of each entry."""

    owner: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: NDArray[np.float64]


class _State:
    """E, and what gains need of it."""

    def __init__(self, labels: int, exact: bool) -> None:
        self.exact = exact
        self.sums = np.zeros(labels)
        self.slope = B * np.power(self.sums + A, B - 1)
        # An exact gain errs by some units in the last place for each of its entries, so it may
        # rise by as much; the first-order gain cannot, see `add`.
        self.slack = 1.0 + (labels + 64) * 2.0**-52 if exact else 1.0

    def add(self, columns: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Keep a row."""
        self.sums[columns] += values
        slope = B * np.power(self.sums[columns] + A, B - 1)
        # Never up, not even by rounding: sums and products of numbers that never rise, added in
        # one order, never rise, so first-order gains of earlier steps are bounds bit for bit.
        self.slope[columns] = np.minimum(self.slope[columns], slope)

    def rises(self, columns: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
        """``phi(E + x) - phi(E)`` of each entry, without cancellation."""
        level = self.sums[columns] + A
        return np.power(level, B) * np.expm1(B * np.log1p(values / level))

    def gains(self, entries: _Entries, rows: int) -> NDArray[np.float64]:
        """Gain of each of some rows, its entries added one by one."""
        if self.exact:
            terms = self.rises(entries.columns, entries.values)
        else:
            terms = entries.values * self.slope[entries.columns]
        # bincount adds in order of appearance; without entries it counts integers
        return np.bincount(entries.owner, weights=terms, minlength=rows).astype(np.float64)


class _Front:
    """Upper bounds of all rows, and the rows of the greatest bounds, in which picks are made.

    As long as the best active row beats every bound outside, it is the best row of all; else the
    active rows are chosen anew.
    """

    def __init__(self, rows: _Rows, state: _State) -> None:
        self.rows, self.state = rows, state
        self.bounds = np.empty(len(rows))
        step = max(1, ENTRIES * len(rows) // max(1, len(rows.values)))
        for start in range(0, len(rows), step):
            some = np.arange(start, min(start + step, len(rows)))
            self.bounds[some] = state.gains(rows.entries(some), len(some))
        self.bounds *= state.slack
        self.active = np.empty(0, dtype=np.int64)
        self.near = np.empty(0)
        self.outside = (-np.inf, -1)

    def pop(self) -> tuple[int, float]:
        """Take the row of greatest gain out, ties by position; return it and its gain."""
        size = ACTIVE
        while True:
            place, gain = self._best()
            # keys in the order of picks: greater gain first, then lower position
            if place >= 0 and (-gain, int(self.active[place])) < self.outside:
                self.near[place] = -np.inf
                return int(self.active[place]), gain
            self._choose(size)
            # more than `size` equal bounds, each above its gain by the slack, would go on forever
            size *= 2

    def _best(self) -> tuple[int, float]:
        """Measure active rows until no bound beats the best; return its place and gain."""
        best, most = -1, -np.inf
        stale = self.near > -np.inf
        batch = np.array([np.argmax(self.near)] if stale.any() else [], dtype=np.int64)
        while len(batch):
            entries = self.rows.entries(self.active[batch])
            gains = self.state.gains(entries, len(batch))
            self.near[batch] = gains * self.state.slack
            stale[batch] = False
            top = gains.max()
            at = int(batch[gains == top].min())
            if top > most or (top == most and at < best):
                best, most = at, float(top)
            # active rows ascend, so the rows before `best` are those of lower position
            ahead = stale & (self.near > most)
            ahead[:best] |= stale[:best] & (self.near[:best] == most)
            batch = np.flatnonzero(ahead)
            if len(batch) > BATCH:
                batch = batch[np.argpartition(-self.near[batch], BATCH)[:BATCH]]
        return best, most

    def _choose(self, size: int) -> None:
        """Make the rows of the greatest bounds active, lower positions first among equals."""
        self.bounds[self.active] = self.near
        size = min(size, len(self.bounds))
        kth = np.partition(self.bounds, -size)[-size]
        above, equal = np.flatnonzero(self.bounds > kth), np.flatnonzero(self.bounds == kth)
        room = size - len(above)
        self.active = np.sort(np.concatenate([above, equal[:room]]))
        self.near = self.bounds[self.active]
        self.outside = (np.inf, len(self.bounds))
        if len(equal) > room:
            self.outside = (-float(kth), int(equal[room]))
        elif size < len(self.bounds):
            rest = np.where(self.bounds < kth, self.bounds, -np.inf)
            at = int(np.argmax(rest))
            self.outside = (-float(rest[at]), at)
