"""DROP3: drops rows without which their associates are classified as well as with them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.instance_selection.condensed import condensed
from sluice.subsets.instance_selection.icf import noise_words, not_noise
from sluice.subsets.instance_selection.local_sets import local_sets
from sluice.subsets.instance_selection.neighbours import (
    check_neighbours,
    labels_of,
    nearest,
    vote,
    vote_margin,
)
from sluice.subsets.instance_selection.shrinking import Shrinking


def drop3(pool: Pool, budget: int | None, seed: int, *, n_neighbors: int = 3) -> Picks:
    """Filter noise, then drop rows farthest from their nearest enemy first.

    Wilson and Martinez (2000). Rows that the majority of their k nearest rows gets wrong are
    dropped as noise. The others, T, are visited by distance to the nearest enemy, farthest
    first (ties by lower id). Each row of T keeps a list of its k + 1 nearest rows in what is
    left; x's associates are the rows of T, dropped ones too, that have x in that list. x is
    dropped if at least as many of its associates are classified rightly by their k nearest
    rows without x as with it.

    Parameters
    ----------
    pool : Pool
        Sorted by id, with embeddings and labels.
    budget : int or None
        None: just what the method keeps, which may be nothing of a class.
    seed : int
        Not used: the method is deterministic.
    n_neighbors : int
        k, of the filter and of the classification; ties of a vote go to the nearest (ours).

    Returns
    -------
    Picks
        Gain: associates, in the end or when the row was dropped; for noise the margin of its
        neighbours' vote. A class short of its quota gets back the rows dropped last first,
        noise last (ours).

    Raises
    ------
    ConfigError
        `n_neighbors` is no integer of at least 1.

    Notes
    -----
    Nested. Cost n^2 d, and a few Python steps for each row and each of its associates.
    """
    rows, labels = pool.embeddings, pool.labels
    assert rows is not None
    assert labels is not None
    k = check_neighbours(n_neighbors)
    near = labels_of(labels, nearest(rows, k))
    left = np.flatnonzero(not_noise(labels, near))
    order, associates = decremental(rows[left], labels[left], k)
    kept = np.zeros(len(labels), dtype=bool)
    kept[left] = order == 0
    gain = vote_margin(labels, near)
    gain[left] = associates
    last = int(order.max(initial=0)) + 1
    stage = np.full(len(labels), last, dtype=np.int64)
    stage[left] = last - order

    noise = np.ones(len(labels), dtype=bool)
    noise[left] = False

    def words(position: int) -> str:
        if noise[position]:
            return noise_words(labels, near, position)
        return f"one of the {k + 1} nearest rows of {int(gain[position])} others"

    return condensed(pool, budget, kept, gain, words, stage=stage)


def decremental(
    rows: NDArray[np.float32], labels: NDArray[np.int64], k: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Visit every row once and drop it where its associates do not miss it.

    Parameters
    ----------
    rows : ndarray of float32, shape (m, d)
        Without noise, in ascending order of id.
    labels : ndarray of int64, shape (m,)
    k : int

    Returns
    -------
    order : ndarray of int64, shape (m,)
        1 for the row dropped first, and so on; 0 for the rows that stay.
    associates : ndarray of int64, shape (m,)
        How many there are in the end, or were when the row was dropped.
    """
    order, associates = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=np.int64)
    lists = Shrinking(rows, k + 1)
    radius = local_sets(rows, labels).radius
    dropped = 0
    for row in np.argsort(-radius, kind="stable").tolist():
        members = np.array(lists.members[row], dtype=np.int64)
        associates[row] = len(members)
        if not missed(row, members, labels, lists.near[members], k):
            order[row] = dropped = dropped + 1
            lists.remove(row)
    for row in np.flatnonzero(order == 0).tolist():
        associates[row] = len(lists.members[row])
    return order, associates


def missed(
    row: int,
    members: NDArray[np.int64],
    labels: NDArray[np.int64],
    near: NDArray[np.int64],
    k: int,
) -> bool:
    """Whether more associates are classified rightly with the row than without it.

    Parameters
    ----------
    row : int
    members : ndarray of int64, shape (a,)
        Its associates.
    labels : ndarray of int64, shape (m,)
    near : ndarray of int64, shape (a, k + 1)
        Nearest rows of each associate, nearest first, the row among them; -1 for none.
    k : int
    """
    if not len(members):
        return False
    # the list without the row: what stands behind it moves up
    others = np.argsort(near == row, axis=1, kind="stable")[:, :k]
    without = np.take_along_axis(near, others, axis=1)
    own = labels[members]
    right = vote(labels_of(labels, near[:, :k])) == own
    right_without = vote(labels_of(labels, without)) == own
    return int(right.sum()) > int(right_without.sum())


SELECTOR = Selector(
    name="drop3",
    core=drop3,
    version="1",
    needs=frozenset({"embeddings", "labels"}),
    tasks=frozenset({"tabular"}),
    stochastic=False,
    nested=True,
    class_floor=True,
    summary="Drops rows, far from the border first, that the k-NN rule does not miss.",
    formula="after editing: drop x if its associates are classified as well without x",
    paper="Wilson and Martinez, Machine Learning 38(3), 2000",
    cost="n^2 d, a Python step a row and associate",
    all_pairs=True,
    options={"n_neighbors": 3},
    sized=True,
)
