"""AnchorAL: another strategy on the rows that resemble a few labelled ones of each class.

Lesci and Vlachos, AnchorAL: Computationally Efficient Active Learning for Large and Imbalanced
Datasets (arXiv 2404.05623).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.core.randomness import keyed_bits, uniform_of
from sluice.heads.answers import Labelled
from sluice.subsets.clustered.plain_vectors import scale_free, whole
from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.covering.distances import squared_distances_to
from sluice.subsets.instance_selection.neighbours import check_neighbours
from sluice.subsets.queries.ranked import top
from sluice.subsets.queries.wrapped import pick_within


def anchors(labelled: Labelled, count: int, seed: int) -> NDArray[np.int64]:
    """Pick labelled rows of each class by k-means++.

    Parameters
    ----------
    labelled : Labelled
        In ascending order of id.
    count : int
        Of each class; all of its rows where it has no more, and no copies.
    seed : int

    Returns
    -------
    ndarray of int64
        Positions among the labelled rows, ascending.
    """
    bits, rows = keyed_bits(seed, labelled.ids), scale_free(labelled.embeddings)
    found: list[int] = []
    for label in np.unique(labelled.labels):
        at = np.flatnonzero(labelled.labels == label)
        near = np.ones(len(at))
        for step in range(min(count, len(at))):
            far = np.flatnonzero(near > 0)
            if not len(far):
                break
            races = np.log(uniform_of(bits[at[far]], step)) / near[far]
            chosen = int(at[far[np.argmax(races)]])
            found.append(chosen)
            centre = rows[chosen].astype(np.float64)
            apart = squared_distances_to(rows[at], centre)
            near = apart if not step else np.minimum(near, apart)
    return np.sort(np.array(found, dtype=np.int64))


def resembling(
    rows: NDArray[np.float32], chosen: NDArray[np.float32], k: int, subpool: int
) -> NDArray[np.int64]:
    """Rows among the k most similar of an anchor, those of the greatest mean similarity.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, d)
    chosen : ndarray of float32, shape (a, d)
        Anchors.
    k : int
    subpool : int
        Most rows returned.

    Returns
    -------
    ndarray of int64
        Ascending positions. The mean is over the anchors that a row was found by.
    """
    unit = _unit(rows)
    totals, times = np.zeros(len(rows)), np.zeros(len(rows))
    for anchor in _unit(chosen):
        similarity = unit @ anchor
        near = top(similarity, min(k, len(rows)))
        totals[near] += similarity[near]
        times[near] += 1
    found = np.flatnonzero(times)
    means = totals[found] / times[found]
    return np.sort(found[top(means, min(subpool, len(found)))])


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    rows = scale_free(rows)
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1.0)


def _core(
    pool: Pool,
    budget: int,
    seed: int,
    *,
    base: str = "entropy",
    anchors_per_class: int = 10,
    k: int = 50,
    subpool: int = 500,
) -> Picks:
    """Let the base pick among the rows that resemble the anchors.

    Where these are fewer than asked for, the base picks the rest among the others (ours).
    """
    assert pool.embeddings is not None
    assert pool.labelled is not None
    at = anchors(pool.labelled, whole("anchors_per_class", anchors_per_class), seed)
    candidates = resembling(
        pool.embeddings,
        pool.labelled.embeddings[at],
        check_neighbours(k),
        whole("subpool", subpool),
    )
    return pick_within(candidates, base, pool, budget, seed, "anchor_al")


SELECTOR = Selector(
    name="anchor_al",
    core=_core,
    version="2",
    needs=frozenset({"embeddings", "labelled"}),
    tasks=frozenset({"text"}),
    stochastic=True,
    nested=False,
    class_floor=False,
    summary="Another strategy on rows that resemble a few labelled ones of each class.",
    formula="base on the rows of greatest mean similarity to their anchors",
    paper="Lesci and Vlachos, arXiv 2404.05623",
    cost="a n d for a anchors, and the base on few rows",
    options={"base": "entropy", "anchors_per_class": 10, "k": 50, "subpool": 500},
    family=("wrapper",),
    passes_on=True,
)
