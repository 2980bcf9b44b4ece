"""LSSm, the local set smoother: drops rows that harm more than they are useful."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.instance_selection.condensed import condensed
from sluice.subsets.instance_selection.local_sets import LocalSets, local_sets


def lss(pool: Pool, budget: int | None, seed: int) -> Picks:
    """Keep the rows whose usefulness is at least their harmfulness.

    Usefulness u: local sets that contain the row. Harmfulness h: rows whose nearest enemy it
    is. LSSm of Leyva, Gonzalez and Perez (2015) keeps x iff ``u(x) >= h(x)``. A row belongs
    to its own local set, as the definition says (`local_sets`); some codes leave it out.

    Parameters
    ----------
    pool : Pool
        Sorted by id, with embeddings and labels.
    budget : int or None
        None: just what the method keeps.
    seed : int
        Not used: the method is deterministic.

    Returns
    -------
    Picks
        Gain: ``u - h``. Ranked, cut and filled by it, see `condensed` (ours).

    Notes
    -----
    Nested. Cost n^2 d.
    """
    rows, labels = pool.embeddings, pool.labels
    assert rows is not None
    assert labels is not None
    sets = local_sets(rows, labels)
    gain = (sets.coverage - sets.harm).astype(np.float64)

    def words(position: int) -> str:
        return harm_words(sets, position)

    return condensed(pool, budget, smooth(sets), gain, words)


def smooth(sets: LocalSets) -> NDArray[np.bool_]:
    """Rows that LSSm keeps, shape (n,)."""
    return sets.coverage >= sets.harm


def harm_words(sets: LocalSets, position: int) -> str:
    """Say how useful and how harmful a row is."""
    return (
        f"in {sets.coverage[position]} local sets and nearest enemy of {sets.harm[position]} rows"
    )


SELECTOR = Selector(
    name="lss",
    core=lss,
    version="1",
    needs=frozenset({"embeddings", "labels"}),
    tasks=frozenset({"tabular"}),
    stochastic=False,
    nested=True,
    class_floor=True,
    summary="Local set smoother (LSSm): drops rows that are an enemy more often than a friend.",
    formula="keep x if |{z : x in LS(z)}| >= |{z : nearest enemy of z is x}|",
    paper="Leyva, Gonzalez and Perez, Pattern Recognition 48(4), 2015",
    cost="n^2 d",
    all_pairs=True,
    sized=True,
)
