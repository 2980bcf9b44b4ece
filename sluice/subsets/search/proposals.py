"""Which swap to try next."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sluice.subsets.search.view import squared_distances

MOVES = ("error", "nearby", "any")
SIZES = np.array([1, 1, 1, 2, 2, 3, 5])
NEARBY = 8
LOOKED_AT = 1024


@dataclass
class Luck:
    """How often each kind of move was tried and kept; forgotten slowly."""

    tried: NDArray[np.float64] = field(default_factory=lambda: np.ones(len(MOVES)))
    kept: NDArray[np.float64] = field(default_factory=lambda: np.ones(len(MOVES)))

    def shares(self) -> NDArray[np.float64]:
        """Return the probability of each kind of move, none below 0.1."""
        rates = self.kept / self.tried
        return 0.1 + (1.0 - 0.1 * len(MOVES)) * rates / rates.sum()

    def note(self, move: int, kept: bool) -> None:
        """Count a trial."""
        self.tried *= 0.995
        self.kept *= 0.995
        self.tried[move] += 1.0
        self.kept[move] += float(kept)


@dataclass(frozen=True)
class Swap:
    """Rows to put into slots, and the kind of move that it is."""

    slots: NDArray[np.int64]
    rows: NDArray[np.int64]
    move: int


@dataclass(frozen=True)
class Ground:
    """What proposals know of the rows.

    Attributes
    ----------
    rows : ndarray of float32, shape (n, d)
    labels : ndarray of int64, shape (n,)
    trust : ndarray of float64, shape (n,)
        Teacher's probability of the given label: rows with much of it are added more often.
    """

    rows: NDArray[np.float32]
    labels: NDArray[np.int64]
    trust: NDArray[np.float64]


def propose(
    ground: Ground,
    kept: NDArray[np.int64],
    judged: NDArray[np.int64],
    loss: NDArray[np.float64],
    followers: NDArray[np.int64],
    luck: Luck,
    rng: np.random.Generator,
) -> Swap | None:
    """Draw a swap of one to five rows; None where no row can be added.

    Parameters
    ----------
    ground : Ground
    kept : ndarray of int64, shape (b,)
    judged : ndarray of int64, shape (v,)
        Positions of the judged rows.
    loss : ndarray of float64, shape (v,)
        What the present answers lose on each judged row, over all consumers.
    followers : ndarray of int64, shape (b,)
        Judged rows whose nearest kept row is in each slot.
    luck : Luck
    rng : Generator
    """
    move = int(rng.choice(len(MOVES), p=luck.shares()))
    size = min(int(rng.choice(SIZES)), max(1, len(kept) // 4))
    if MOVES[move] == "nearby":
        return _nearby(ground, kept, move, min(size, 2), rng)
    if MOVES[move] == "error" and loss.sum() > 0:
        added = judged[rng.choice(len(judged), size=4 * size, p=loss / loss.sum())]
    else:
        added = rng.integers(len(ground.labels), size=4 * size)
    likely = rng.random(len(added)) < ground.trust[added] + 0.05
    added = np.unique(added[likely & ~np.isin(added, kept)])
    added = rng.permutation(added)[:size]
    slots = _slots_for(ground, kept, added, followers, rng)
    placed = slots >= 0
    return Swap(slots[placed], added[placed], move) if placed.any() else None


def _nearby(
    ground: Ground, kept: NDArray[np.int64], move: int, size: int, rng: np.random.Generator
) -> Swap | None:
    """Move kept rows to rows of their class close by."""
    slots: list[int] = []
    rows: list[int] = []
    for slot in rng.permutation(len(kept))[:size].tolist():
        looked = rng.integers(len(ground.labels), size=min(LOOKED_AT, 2 * len(ground.labels)))
        same = ground.labels[looked] == ground.labels[kept[slot]]
        looked = np.unique(looked[same])
        looked = looked[~np.isin(looked, kept) & ~np.isin(looked, rows)]
        if not len(looked):
            continue
        distances = squared_distances(ground.rows[looked], ground.rows[kept[slot]])
        near = np.argsort(distances, kind="stable")[:NEARBY]
        slots.append(slot)
        rows.append(int(looked[near[rng.integers(len(near))]]))
    if not slots:
        return None
    return Swap(np.array(slots, np.int64), np.array(rows, np.int64), move)


def _slots_for(
    ground: Ground,
    kept: NDArray[np.int64],
    added: NDArray[np.int64],
    followers: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Pick a slot of its class for each added row, as many rows as there are slots for.

    Classes keep the rows that the start gave them: what a class is given more of, families
    outside the search lose elsewhere (measured on the tables that the search was tuned on).
    """
    labels = ground.labels[kept]
    free = np.ones(len(kept), dtype=bool)
    slots = np.full(len(added), -1, dtype=np.int64)
    for place, row in enumerate(added.tolist()):
        choices = np.flatnonzero(free & (labels == ground.labels[row]))
        if not len(choices):
            continue
        weights = np.ones(len(choices))
        if rng.random() < 0.5:
            weights /= 1.0 + followers[choices]
        slots[place] = rng.choice(choices, p=weights / weights.sum())
        free[slots[place]] = False
    return slots
