"""Whether a network has learnt: its out-of-fold accuracy against two cheap classifiers.

Networks on graphs fail quietly: on a table whose neighbours mean little, or with dropout that
wipes out two columns, they predict the majority and still rank rows by attention.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sluice.core.randomness import keyed_bits
from sluice.heads.fitting import fit_family

MARGIN = 0.05
"""How far below the weaker of the two the network may stay (ours)."""

SAMPLE = 10_000
"""Most rows on which the three are compared."""

NEIGHBOURS = "three_nearest_neighbours"
FOREST = "random_forest"


@dataclass(frozen=True)
class Gate:
    """The verdict and what it rests on; accuracies are out of fold, on the same rows.

    Attributes
    ----------
    learnt : bool
    network, neighbours, forest : float
        Accuracy of the network, of 3-NN and of a random forest.
    majority : float
        Share of the most frequent class.
    rows : int
        Rows on which they were compared.
    words : str
        One sentence for people.
    """

    learnt: bool
    network: float
    neighbours: float
    forest: float
    majority: float
    rows: int
    words: str


def gate(
    ids: NDArray[np.str_],
    rows: NDArray[np.float32],
    labels: NDArray[np.int64],
    fold_of: NDArray[np.int64],
    predicted: NDArray[np.int64],
    seed: int = 0,
) -> Gate:
    """Compare a network with 3-NN and a random forest on the same folds.

    It has learnt if its accuracy is at least the lower one of the two less `MARGIN`, and above
    the majority's share m by two standard errors, ``2 sqrt(m (1 - m) / n)`` (both ours).

    Parameters
    ----------
    ids : ndarray of str, shape (n,)
    rows : ndarray of float32, shape (n, d)
    labels : ndarray of int64, shape (n,)
    fold_of : ndarray of int64, shape (n,)
    predicted : ndarray of int64, shape (n,)
        Out-of-fold classes of the network.
    seed : int
        Of the forest, and of the draw of `SAMPLE` rows where there are more.

    Returns
    -------
    Gate

    Notes
    -----
    Cost at most that of a few forests on `SAMPLE` rows.
    """
    chosen = np.arange(len(ids))
    if len(ids) > SAMPLE:
        chosen = np.sort(np.argsort(keyed_bits(seed, ids), kind="stable")[:SAMPLE])
    x, y, folds = rows[chosen], labels[chosen], fold_of[chosen]
    network = float((predicted[chosen] == y).mean())
    neighbours, forest = (_accuracy(name, x, y, folds, seed) for name in (NEIGHBOURS, FOREST))
    majority = float(np.bincount(y).max() / len(y))
    least = min(neighbours, forest) - MARGIN
    chance = majority + 2 * np.sqrt(majority * (1 - majority) / len(y))
    learnt = network >= least and network > chance
    words = (
        f"Out of fold the network is right on {network:.1%} of {len(y):,} rows, 3-NN on "
        f"{neighbours:.1%}, a random forest on {forest:.1%}, the majority class on {majority:.1%}"
    )
    if learnt:
        words += ": it has learnt."
    elif network < least:
        words += ": it has not learnt, and edits nothing."
    else:
        words += ": not surely better than the majority, it has not learnt and edits nothing."
    return Gate(bool(learnt), network, neighbours, forest, majority, len(y), words)


def _accuracy(
    family: str,
    rows: NDArray[np.float32],
    labels: NDArray[np.int64],
    fold_of: NDArray[np.int64],
    seed: int,
) -> float:
    """Out-of-fold accuracy; a fold that leaves nothing to train on counts as wrong."""
    right = np.zeros(len(labels), dtype=bool)
    for fold in np.unique(fold_of):
        held = fold_of == fold
        if held.all():
            continue
        model = fit_family(family, rows[~held], labels[~held], seed)
        right[held] = model.predict(rows[held]) == labels[held]
    return float(right.mean())
