"""All k-NN: editing with one neighbour, then two, then three."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.instance_selection.condensed import condensed
from sluice.subsets.instance_selection.enn import check_kind, edited, margins
from sluice.subsets.instance_selection.neighbours import check_neighbours


def all_knn(
    pool: Pool, budget: int | None, seed: int, *, n_neighbors: int = 3, kind_sel: str = "all"
) -> Picks:
    """Edit with k = 1, 2, ... n_neighbors in turn, each time what is left (Tomek, 1976).

    As imbalanced-learn's `AllKNN(sampling_strategy="all", allow_minority=True)`, pass by pass, so
    that the pass that dropped a row is known; neighbours and votes are those of `enn`. Like there,
    a pass that loses a class is the last one.

    Parameters
    ----------
    pool : Pool
        Sorted by id, with embeddings and labels.
    budget : int or None
        None: just what the method keeps.
    seed : int
        Not used: the method is deterministic.
    n_neighbors : int
        Passes, at most as many as rows allow.
    kind_sel : str
        ``"all"`` or ``"mode"``, see `enn`.

    Returns
    -------
    Picks
        Gain: the margin of the vote of the `n_neighbors` nearest rows of the whole pool. A
        class short of its quota gets back the rows dropped in the last pass first (ours).

    Raises
    ------
    ConfigError
        An option has no such value.

    Notes
    -----
    Nested. Cost n^2 d a pass.
    """
    rows, labels = pool.embeddings, pool.labels
    assert rows is not None
    assert labels is not None
    k = check_neighbours(n_neighbors)
    check_kind(kind_sel)
    dropped_in = passes(rows, labels, k, kind_sel)
    margin, words = margins(rows, labels, k)
    kept = dropped_in == 0
    return condensed(pool, budget, kept, margin, words, stage=k + 1 - dropped_in)


def passes(
    rows: NDArray[np.float32], labels: NDArray[np.int64], k: int, kind_sel: str
) -> NDArray[np.int64]:
    """Pass that drops each row, from 1 to k; 0 for the rows that stay, shape (n,)."""
    dropped_in = np.zeros(len(labels), dtype=np.int64)
    left = np.arange(len(labels))
    classes = len(np.unique(labels))
    for size in range(1, k + 1):
        # a pass needs `size` others for each row
        if len(left) <= size or len(np.unique(labels[left])) < classes:
            break
        stay = edited(rows[left], labels[left], size, kind_sel)
        gone = np.delete(left, stay)
        dropped_in[gone] = size
        left = left[stay]
    return dropped_in


SELECTOR = Selector(
    name="all_knn",
    core=all_knn,
    version="2",
    needs=frozenset({"embeddings", "labels"}),
    tasks=frozenset({"tabular"}),
    stochastic=False,
    nested=True,
    class_floor=True,
    summary="Editing with one neighbour, then two, then three: stricter than ENN at borders.",
    formula="for k = 1..K: keep x if its k nearest rows left are of its class",
    paper="Tomek, IEEE Transactions on Systems, Man, and Cybernetics 6(6), 1976",
    cost="n^2 d a pass",
    all_pairs=True,
    options={"n_neighbors": 3, "kind_sel": "all"},
    sized=True,
)
