"""Greedy k-center (core-set): each pick is the row farthest from all picks before it.

Sener and Savarese, Active Learning for Convolutional Neural Networks: A Core-Set Approach
(arXiv 1708.00489), algorithm 1: ``u = argmax_i min_{j in S} |x_i - x_j|``. At most twice the
radius of the best cover of that size (Gonzalez, 1985).

Exact and yet not one pass over the rows a pick (ours): distances to the kept set only shrink,
so as long as the farthest row of a small set A is farther than every row outside A was, it is
the farthest row of all. Picks are made inside A, the farthest rows of the last pass, which
stays in cache; the pass over all rows then takes all new picks at once, as one matrix product.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError
from sluice.core.progress import Advance, track
from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.covering.distances import (
    distance_error,
    nearest_centres,
    squared_distances_to,
    squared_norms,
)

ROWS = 2048
"""Rows of a tile of the pass over all rows. No parameter of the result."""

ACTIVE = 1024
"""Size of the set that picks are made in. No parameter of the result."""


def k_center(pool: Pool, budget: int, seed: int, *, start: str | None = None) -> Picks:
    """Pick rows so that no row is far from a kept one.

    Parameters
    ----------
    pool : Pool
        Sorted by id, with embeddings; Euclidean distance on the rows as given.
    budget : int
        From 1 to n.
    seed : int
        Not used: the method is deterministic.
    start : str, optional
        Id of the first pick. By default the row closest to the mean of all rows (ours: the
        paper starts from labelled rows).

    Returns
    -------
    Picks
        Gain: the distance that a pick covers, to its nearest earlier pick; for the first pick
        the greatest distance of any row to it. Gains never rise.

    Raises
    ------
    ConfigError
        `start` is no id of the pool.

    Notes
    -----
    Ties: lower id; near ties are measured canonically, so tiles and threads do not matter.
    Cost: n b d multiply-adds, mostly as matrix products. Memory: O(n) beyond the rows.
    """
    rows = pool.embeddings
    assert rows is not None
    if start is None:
        from_mean = squared_distances_to(rows, rows.mean(axis=0, dtype=np.float64))
        first = int(np.argmin(from_mean))
        why = f"closest row to the mean of all rows, at distance {from_mean[first] ** 0.5:.3f}"
    else:
        found = np.flatnonzero(pool.ids == start)
        if not len(found):
            raise ConfigError(
                f"start is {start!r}, which is no id of the pool; give a kept row's id."
            )
        first, why = int(found[0]), "starting row, as asked for"
    # one more than asked for, because the second pick is what the first one's gain is
    most = min(max(budget, 2), len(rows))
    positions, covered = greedy_k_center(rows, most, np.array([first]))
    positions = np.concatenate([[first], positions])[:budget]
    gains = np.concatenate([covered[:1] if len(covered) else [0.0], covered])[:budget]
    reasons = [f"First pick: the {why}."]
    reasons += [
        f"Farthest from all {rank} kept before it: {gain:.3f} from the nearest of them."
        if gain > 0
        else f"Fills the budget: a copy of one of the {rank} kept before it, as all rows left are."
        for rank, gain in enumerate(gains[1:], start=1)
    ]
    return Picks(positions, gains, reasons)


def greedy_k_center(
    rows: NDArray[np.float32], total: int, initial: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Grow the set `initial` (labelled rows, or a first pick) to `total` rows.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, d)
        In ascending order of id: ties go to the lower position.
    total : int
        ``len(initial) <= total <= n``.
    initial : ndarray of int64, shape (m,)
        Distinct positions, ``m >= 1``.

    Returns
    -------
    positions : ndarray of int64, shape (total - m,)
        New rows in the order picked. Once every row equals a kept one, the rest by id.
    distances : ndarray of float64, shape (total - m,)
        Canonical distance of each to the nearest row kept before it.
    """
    data = np.ascontiguousarray(rows, dtype=np.float32)
    cover = _Cover(data, squared_norms(data), [int(p) for p in initial])
    with track("k-center", total - len(initial)) as advance:
        while len(cover.picks) < total and cover.sweep():
            cover.pick_inside(total, advance)
    return cover.finish(total, len(initial))


@dataclass
class _Cover:
    """The kept rows, and every row's float32 squared distance to the swept ones among them."""

    rows: NDArray[np.float32]
    norms: NDArray[np.float32]
    picks: list[int]
    swept: int = 0
    error: float = field(init=False)
    near: NDArray[np.float32] = field(init=False)
    active: NDArray[np.int64] = field(init=False)
    outside: float = field(init=False)

    def __post_init__(self) -> None:
        self.error = distance_error(self.rows.shape[1], float(self.norms.max()))
        self.near = np.full(len(self.rows), np.inf, dtype=np.float32)

    def sweep(self) -> bool:
        """Measure all rows from the new picks; choose the active set. False if all are covered."""
        new = np.array(self.picks[self.swept :])
        centres, lengths = np.ascontiguousarray(self.rows[new].T), self.norms[new]
        centres *= -2.0
        for at in range(0, len(self.rows), ROWS):
            part = slice(at, at + ROWS)
            squared = self.rows[part] @ centres
            squared += lengths
            best = squared.min(axis=1)
            best += self.norms[part]
            np.minimum(self.near[part], best, out=self.near[part])
        self.near[new] = -np.inf
        self.swept = len(self.picks)
        top = float(self.near.max())
        if not top > -np.inf:
            return False
        size = min(ACTIVE, len(self.near) - 1)
        kth = float(np.partition(self.near, -size)[-size]) if size else top
        # far enough below the top for the first pick after a sweep to be certain
        self.outside = min(kth, top - 5 * self.error)
        self.active = np.flatnonzero(self.near >= self.outside)
        if top > self.error:
            return True
        # nothing is surely uncovered: the canonical distances tell
        return bool(self._exact(self.active).max() > 0.0)

    def pick_inside(self, total: int, advance: Advance) -> None:
        """Pick from the active set while its farthest row is surely the farthest of all."""
        active, rows, norms = self.active, self.rows[self.active], self.norms[self.active]
        near = self.near[active]
        while len(self.picks) < total:
            top = float(near.max())
            if not top - self.error > self.outside + self.error:
                return
            tied = np.flatnonzero(near >= top - 2 * self.error)
            chosen = int(tied[0])
            if len(tied) > 1:
                exact = self._exact(active[tied])
                chosen = int(tied[np.argmax(exact)])
                if exact.max() == 0.0:
                    return
            self.picks.append(int(active[chosen]))
            advance()
            squared = rows @ (rows[chosen] * np.float32(-2.0))
            squared += norms
            squared += norms[chosen]
            np.minimum(near, squared, out=near)
            near[chosen] = -np.inf

    def _exact(self, positions: NDArray[np.int64]) -> NDArray[np.float64]:
        """Canonical squared distance of rows to the nearest pick."""
        return nearest_centres(self.rows[positions], self.rows[self.picks], self.error)[1]

    def finish(self, total: int, begun: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Measure each new pick from those before it; fill up by id."""
        picks = np.array(self.picks)
        limits = np.arange(begun, len(picks))
        squared = nearest_centres(self.rows[picks[begun:]], self.rows[picks], self.error, limits)[1]
        rest = np.setdiff1d(np.arange(len(self.rows)), picks)[: total - len(picks)]
        distances = np.concatenate([np.sqrt(squared), np.zeros(len(rest))])
        return np.concatenate([picks[begun:], rest]), distances


SELECTOR = Selector(
    name="k_center",
    core=k_center,
    version="1",
    needs=frozenset({"embeddings"}),
    tasks=frozenset({"text", "tabular", "instructions", "tokens"}),
    stochastic=False,
    nested=True,
    class_floor=False,
    summary="Rows that leave no other row far from a kept one; reaches into rare corners.",
    formula="argmax_i min_{j in S} |x_i - x_j|",
    paper="Sener and Savarese, arXiv 1708.00489",
    cost="n b d",
    options={"start": None},
)
