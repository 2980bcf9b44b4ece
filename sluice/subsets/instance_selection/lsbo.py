"""LSBo, the local set border selector: rows near other classes that cover the rest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.instance_selection.condensed import condensed
from sluice.subsets.instance_selection.local_sets import LocalSets, local_sets
from sluice.subsets.instance_selection.lss import harm_words, smooth
from sluice.subsets.instance_selection.neighbours import squared_blocks


def lsbo(pool: Pool, budget: int | None, seed: int) -> Picks:
    """Smooth by LSSm, then keep each row whose local set holds no row kept before it.

    Leyva, Gonzalez and Perez (2015): after `lss`, local sets are measured again on what is
    left; rows are visited by local set cardinality, smallest (nearest the border) first, ties
    by lower id.

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
        Gain: the local sets of the smoothed rows that contain the row: how many rows it
        speaks for; for a smoothed-out row ``u - h``. Under a budget the rows that speak for
        most come first, and smoothed-out rows are put back last (ours).

    Notes
    -----
    Nested. Cost n^2 d.
    """
    rows, labels = pool.embeddings, pool.labels
    assert rows is not None
    assert labels is not None
    before = local_sets(rows, labels)
    left = np.flatnonzero(smooth(before))
    after = local_sets(rows[left], labels[left])
    kept = np.zeros(len(labels), dtype=bool)
    kept[left[border(rows[left], labels[left], after)]] = True
    gain = (before.coverage - before.harm).astype(np.float64)
    gain[left] = after.coverage
    stage = np.full(len(labels), 2, dtype=np.int64)
    stage[left] = 1

    def words(position: int) -> str:
        if stage[position] == 2:
            return f"smoothed out, {harm_words(before, position)}"
        return f"in the local sets of {int(gain[position])} rows"

    return condensed(pool, budget, kept, gain, words, stage=stage)


def border(
    rows: NDArray[np.float32], labels: NDArray[np.int64], sets: LocalSets
) -> NDArray[np.int64]:
    """Positions that are kept, in the order in which they are.

    Parameters
    ----------
    rows : ndarray of float32, shape (m, d)
        Smoothed, in ascending order of id.
    labels : ndarray of int64, shape (m,)
    sets : LocalSets
        Of these rows.

    Notes
    -----
    A kept row marks every row whose local set it is in, so a visit is one look: cost m d a
    kept row.
    """
    done = np.zeros(len(rows), dtype=bool)
    kept: list[int] = []
    members = {int(c): np.flatnonzero(labels == c) for c in np.unique(labels)}
    own = {c: rows[at] for c, at in members.items()}
    for row in np.argsort(sets.size, kind="stable").tolist():
        if done[row]:
            continue
        kept.append(row)
        c = int(labels[row])
        for part, squared in squared_blocks(own[c], rows[row : row + 1]):
            at = members[c][part]
            done[at] |= squared[:, 0] < sets.radius[at]
    return np.array(kept, dtype=np.int64)


SELECTOR = Selector(
    name="lsbo",
    core=lsbo,
    version="1",
    needs=frozenset({"embeddings", "labels"}),
    tasks=frozenset({"tabular"}),
    stochastic=False,
    nested=True,
    class_floor=True,
    summary="Local set border selector (LSBo): smoothed rows near the border that cover the rest.",
    formula="after LSSm, by |LS(x)| ascending: keep x if LS(x) holds no kept row",
    paper="Leyva, Gonzalez and Perez, Pattern Recognition 48(4), 2015",
    cost="n^2 d",
    all_pairs=True,
    sized=True,
)
