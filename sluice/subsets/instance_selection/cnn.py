"""Condensed nearest neighbour: rows that the ones kept before them get wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.randomness import keyed_bits
from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.instance_selection.condensed import condensed


def cnn(pool: Pool, budget: int | None, seed: int) -> Picks:
    """Keep what 1-NN needs to get the rest right (Hart, 1968), as imbalanced-learn does it.

    imbalanced-learn's `CondensedNearestNeighbour` treats classes unevenly. The smallest class
    (of several, the one of the lowest code) is kept whole. Each other class is condensed on its own
    against that one: it starts with one random row and takes in, in order, each row that 1-NN
    on the smallest class and on the rows taken so far gets wrong. So with more than two
    classes, borders between the larger ones are not looked at, and 1-NN on the result need
    not be consistent, as it is in Hart's rule. (``sampling_strategy="all"`` would not help:
    it condenses the smallest class against itself, to one row.)

    Parameters
    ----------
    pool : Pool
        Sorted by id, with embeddings and labels.
    budget : int or None
        None: just what the method keeps, never nothing of a class.
    seed : int
        Draws each class's first row.

    Returns
    -------
    Picks
        Gain: ``1 / place`` of the row in its class's order of addition, 1 for the whole
        smallest class, 0 for rows that are put back (ours).

    Notes
    -----
    Nested for one seed. Cost n b d for b rows kept, with a Python step a row.
    """
    rows, labels = pool.embeddings, pool.labels
    assert rows is not None
    assert labels is not None
    place, whole = additions(rows, labels, seed)
    kept = place > 0
    gain = np.where(kept, 1.0 / np.maximum(place, 1), 0.0)

    def words(position: int) -> str:
        if not kept[position]:
            return "gain 0, for the rows kept before it already get it right"
        if labels[position] == whole:
            return f"one of all {np.sum(labels == whole)} rows of the smallest class"
        return f"place {place[position]} in the order of addition"

    return condensed(pool, budget, kept, gain, words, seed=seed)


def additions(
    rows: NDArray[np.float32], labels: NDArray[np.int64], seed: int
) -> tuple[NDArray[np.int64], int]:
    """Run imbalanced-learn's CNN.

    Returns
    -------
    place : ndarray of int64, shape (n,)
        Order in which a row was added to its class, from 1; all 1 in the smallest class; 0
        where the row is not kept.
    whole : int
        The class that is kept whole.
    """
    place = np.zeros(len(labels), dtype=np.int64)
    codes, first, sizes = np.unique(labels, return_index=True, return_counts=True)
    smallest = sizes == sizes.min()
    whole = int(codes[smallest][0])
    if len(codes) < 2:
        place[:] = 1
        return place, whole
    from imblearn.under_sampling import CondensedNearestNeighbour

    state = int(keyed_bits(seed, np.array(["cnn"]))[0] >> np.uint64(32))
    method: Any = CondensedNearestNeighbour(random_state=state)
    order = np.arange(len(labels))
    if labels[first[smallest].min()] != whole:
        # of equally small classes it spares the lowest code, but condenses against the one
        # that it sees first, that one itself down to one row: let both be the same
        order = np.argsort(labels != whole, kind="stable")
    method.fit_resample(rows[order], labels[order])
    kept = order[np.asarray(method.sample_indices_, dtype=np.int64)]
    for c in codes:
        members = kept[labels[kept] == c]
        place[members] = 1 if c == whole else np.arange(1, len(members) + 1)
    return place, whole


SELECTOR = Selector(
    name="cnn",
    core=cnn,
    version="1",
    needs=frozenset({"embeddings", "labels"}),
    tasks=frozenset({"tabular"}),
    stochastic=True,
    nested=True,
    class_floor=True,
    summary="Rows that 1-NN on the rows kept before them gets wrong; the smallest class whole.",
    formula="S += x if 1-NN on the smallest class and S gets x wrong, class by class",
    paper="Hart, IEEE Transactions on Information Theory 14(3), 1968",
    cost="n b d, a Python step a row",
    sized=True,
)
