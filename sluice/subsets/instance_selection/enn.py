"""Edited nearest neighbours: rows whose neighbours agree with them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError
from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.instance_selection.condensed import condensed
from sluice.subsets.instance_selection.neighbours import (
    check_neighbours,
    labels_of,
    nearest,
    vote,
    vote_margin,
)


def enn(
    pool: Pool, budget: int | None, seed: int, *, n_neighbors: int = 3, kind_sel: str = "all"
) -> Picks:
    """Drop the rows that disagree with their nearest neighbours (Wilson, 1972).

    As imbalanced-learn's `EditedNearestNeighbours`, applied to every class, has it. Its default
    ``kind_sel="all"`` keeps a row only where all neighbours are of its class; ``"mode"`` is
    Wilson's own rule, the majority. Otherwise than there, a row is never its own neighbour where
    equal rows exist, and of classes with as many votes the one of the nearest neighbour wins, not
    the one of the lowest number (ours).

    Parameters
    ----------
    pool : Pool
        Sorted by id, with embeddings and labels.
    budget : int or None
        None: just what ENN keeps, which may be nothing of a class.
    seed : int
        Not used: the method is deterministic.
    n_neighbors : int
        Fewer where the pool has no more.
    kind_sel : str
        ``"all"`` or ``"mode"``.

    Returns
    -------
    Picks
        Gain: the margin of the neighbours' vote, from -1 to 1. Ranked, cut and filled by it,
        see `condensed` (ours).

    Raises
    ------
    ConfigError
        An option has no such value.

    Notes
    -----
    Nested. Cost n^2 d.
    """
    rows, labels = pool.embeddings, pool.labels
    assert rows is not None
    assert labels is not None
    k = check_neighbours(n_neighbors)
    check_kind(kind_sel)
    kept = np.zeros(len(labels), dtype=bool)
    kept[edited(rows, labels, k, kind_sel)] = True
    margin, words = margins(rows, labels, k)
    return condensed(pool, budget, kept, margin, words)


def check_kind(kind_sel: object) -> None:
    """Refuse a value of `kind_sel` that imbalanced-learn does not have."""
    if kind_sel not in ("all", "mode"):
        raise ConfigError(f"kind_sel is {kind_sel!r}; give 'all' or 'mode'.")


def edited(
    rows: NDArray[np.float32], labels: NDArray[np.int64], k: int, kind_sel: str
) -> NDArray[np.int64]:
    """Positions that ENN keeps of all classes, ascending.

    Everything where there is one class or one row alone: there is no one to disagree.
    """
    near = labels_of(labels, nearest(rows, k))
    if kind_sel == "all":
        agrees = ((near == labels[:, None]) | (near < 0)).all(axis=1)
    else:
        winner = vote(near)
        agrees = (winner == labels) | (winner < 0)
    return np.flatnonzero(agrees)


def margins(rows: NDArray[np.float32], labels: NDArray[np.int64], k: int):
    """Margin of the neighbours' vote of every row, and the words for it.

    Returns
    -------
    margin : ndarray of float64, shape (n,)
    words : callable
        For `condensed`.
    """
    near = labels_of(labels, nearest(rows, k))
    own, there = (near == labels[:, None]).sum(axis=1), (near >= 0).sum(axis=1)

    def words(position: int) -> str:
        return f"of its {there[position]} nearest rows {own[position]} are of its class"

    return vote_margin(labels, near), words


SELECTOR = Selector(
    name="enn",
    core=enn,
    version="2",
    needs=frozenset({"embeddings", "labels"}),
    tasks=frozenset({"tabular"}),
    stochastic=False,
    nested=True,
    class_floor=True,
    summary="Rows whose nearest neighbours agree with their label: removes noise, keeps most.",
    formula="keep x if its k nearest rows are all (or mostly) of its class",
    paper="Wilson, IEEE Transactions on Systems, Man, and Cybernetics 2(3), 1972",
    cost="n^2 d",
    all_pairs=True,
    options={"n_neighbors": 3, "kind_sel": "all"},
    sized=True,
)
