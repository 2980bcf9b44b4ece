"""ICF, iterative case filtering: drops rows that others cover better than they cover others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.instance_selection.condensed import condensed
from sluice.subsets.instance_selection.local_sets import local_sets
from sluice.subsets.instance_selection.neighbours import (
    check_neighbours,
    labels_of,
    nearest,
    vote,
    vote_margin,
)


@dataclass(frozen=True)
class Filtered:
    """What the iterations did to each row.

    Attributes
    ----------
    dropped_in : ndarray of int64, shape (m,)
        Iteration that dropped the row, from 1; 0 for the rows that stay.
    coverage, reachable : ndarray of int64, shape (m,)
        In the last iteration that saw the row.
    iterations : int
        That dropped anything.
    """

    dropped_in: NDArray[np.int64]
    coverage: NDArray[np.int64]
    reachable: NDArray[np.int64]
    iterations: int


def icf(pool: Pool, budget: int | None, seed: int, *, n_neighbors: int = 3) -> Picks:
    """Edit by the majority of the nearest rows, then filter until nothing changes.

    Brighton and Mellish (2002). Reachable(x) is the local set of x, and coverage(x) the rows
    whose local set holds x. In each iteration all x with ``|reachable(x)| > |coverage(x)|``
    are dropped at once, and both are measured again on what is left.

    Parameters
    ----------
    pool : Pool
        Sorted by id, with embeddings and labels.
    budget : int or None
        None: just what the method keeps.
    seed : int
        Not used: the method is deterministic.
    n_neighbors : int
        Of the noise filter (Wilson's editing); ties of the vote go to the nearest.

    Returns
    -------
    Picks
        Gain: rows it covered when last seen; for noise the margin of its neighbours' vote.
        A class short of its quota gets back the rows of the last iteration first, noise last
        (ours).

    Raises
    ------
    ConfigError
        `n_neighbors` is no integer of at least 1.

    Notes
    -----
    Nested. No class vanishes after the noise filter: inside a class, reachable and coverage
    have the same sum. Cost n^2 d an iteration, of which there are few.
    """
    rows, labels = pool.embeddings, pool.labels
    assert rows is not None
    assert labels is not None
    near = labels_of(labels, nearest(rows, check_neighbours(n_neighbors)))
    left = np.flatnonzero(not_noise(labels, near))
    found = filtered(rows[left], labels[left])
    kept = np.zeros(len(labels), dtype=bool)
    kept[left] = found.dropped_in == 0
    gain = vote_margin(labels, near)
    gain[left] = found.coverage
    reachable = np.full(len(labels), -1, dtype=np.int64)
    reachable[left] = found.reachable
    stage = np.full(len(labels), found.iterations + 1, dtype=np.int64)
    stage[left] = found.iterations + 1 - found.dropped_in

    def words(position: int) -> str:
        if reachable[position] < 0:
            return noise_words(labels, near, position)
        return f"covers {int(gain[position])} rows and is reached by {reachable[position]}"

    return condensed(pool, budget, kept, gain, words, stage=stage)


def filtered(rows: NDArray[np.float32], labels: NDArray[np.int64]) -> Filtered:
    """Drop what is reached by more rows than it covers, until nothing is."""
    dropped_in, coverage, reachable = (np.zeros(len(rows), dtype=np.int64) for _ in range(3))
    left, iteration = np.arange(len(rows)), 0
    while len(left):
        sets = local_sets(rows[left], labels[left])
        coverage[left], reachable[left] = sets.coverage, sets.size
        drop = sets.size > sets.coverage
        if not drop.any():
            break
        iteration += 1
        dropped_in[left[drop]] = iteration
        left = left[~drop]
    return Filtered(dropped_in, coverage, reachable, iteration)


def not_noise(labels: NDArray[np.int64], near: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Rows whose neighbours vote for their class; a row without neighbours is no noise."""
    return (near < 0).all(axis=1) | (vote(near) == labels)


def noise_words(labels: NDArray[np.int64], near: NDArray[np.int64], position: int) -> str:
    """Say how the neighbours of a row that was dropped as noise voted."""
    own = int((near[position] == labels[position]).sum())
    return f"dropped as noise, {own} of its {int((near[position] >= 0).sum())} nearest rows agree"


SELECTOR = Selector(
    name="icf",
    core=icf,
    version="1",
    needs=frozenset({"embeddings", "labels"}),
    tasks=frozenset({"tabular"}),
    stochastic=False,
    nested=True,
    class_floor=True,
    summary="Iterative case filtering: drops rows that are reached by more rows than they cover.",
    formula="after Wilson's editing, until stable: drop x if |reachable(x)| > |coverage(x)|",
    paper="Brighton and Mellish, Data Mining and Knowledge Discovery 6, 2002",
    cost="n^2 d an iteration",
    all_pairs=True,
    options={"n_neighbors": 3},
    sized=True,
)
