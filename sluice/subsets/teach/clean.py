"""Rows whose label the teacher agrees with: random ones, and medoids of them.

The honest ablations of `sluice.subsets.teach.teach`: what cleaning alone is worth.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.core.randomness import keyed_uniform
from sluice.scores.teacher import Teacher
from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.covering.enn_k_medoids import medoids_of_clean
from sluice.subsets.describe import class_name
from sluice.subsets.quotas import interleave


def clean_random(pool: Pool, budget: int, seed: int) -> Picks:
    """Pick at random, inside each class, among the rows whose label the teacher agrees with.

    Ours: `sluice.subsets.random_stratified` without the rows that the teacher gives to another
    class. Webster quotas with a floor of one go by the sizes of the whole classes; a class of
    which fewer rows are clean than its quota is filled by those the teacher contradicts least.

    Parameters
    ----------
    pool : Pool
        Sorted by id, with labels and a teacher.
    budget : int
        From 1 to n.
    seed : int

    Returns
    -------
    Picks
        Gain: the teacher's probability of the row's class.

    Notes
    -----
    Nested. Ties: lower id. Cost n log n beyond the teacher.
    """
    labels, teacher = pool.labels, pool.teacher
    assert labels is not None
    assert teacher is not None
    draws, own = keyed_uniform(seed, pool.ids), teacher.own
    positions = interleave(labels, clean_ranking(teacher, draws), budget)
    clean = np.bincount(labels[teacher.agrees], minlength=int(labels.max()) + 1)
    reasons = [
        f"Drawn at random from the {clean[labels[p]]} rows of class "
        f"{class_name(pool, int(labels[p]))} that the teacher agrees with ({own[p]:.2f})."
        if teacher.agrees[p]
        else f"Fills class {class_name(pool, int(labels[p]))}, of which the teacher agrees with "
        f"{clean[labels[p]]} rows: it gives this one {own[p]:.2f}."
        for p in positions.tolist()
    ]
    return Picks(positions, own[positions], reasons)


def clean_ranking(teacher: Teacher, draws: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rank the rows that the teacher agrees with by their draws, then the others by its trust."""
    agrees = teacher.agrees
    return np.lexsort((draws, np.where(agrees, 0.0, -teacher.own), ~agrees)).astype(np.int64)


def clean_k_medoids(pool: Pool, budget: int, seed: int, *, iterations: int = 25) -> Picks:
    """Keep the medoids of the rows of each class whose label the teacher agrees with.

    Ours: `sluice.subsets.covering.enn_k_medoids` with the teacher in the place of neighbours.

    Parameters
    ----------
    pool : Pool
        Sorted by id, with embeddings, labels and a teacher.
    budget : int
        From 1 to n.
    seed : int
        Moves the start of the clusters.
    iterations : int
        See `sluice.subsets.covering.k_medoids.k_medoids`.

    Returns
    -------
    Picks
        Ranked by cluster size, larger first, filled-in rows last; ties: lower id. Gain: the
        size of the row's cluster of clean rows, 0 for a filled-in row.

    Notes
    -----
    Not nested. Cost: that of `k_medoids` beyond the teacher.
    """
    teacher = pool.teacher
    assert teacher is not None
    own = teacher.own
    return medoids_of_clean(
        pool, teacher.agrees, own, budget, seed, iterations,
        words="have the class that the teacher gives them",
        filling=lambda p: f"the teacher gives this one {own[p]:.2f}",
    )  # fmt: skip


_NOTE = "labels the teacher gives to another class are left out"
CLEAN_RANDOM = Selector(
    name="clean_random",
    core=clean_random,
    version="1",
    needs=frozenset({"labels", "teacher"}),
    tasks=frozenset({"text", "tabular"}),
    stochastic=True,
    nested=True,
    class_floor=True,
    summary=f"Random rows of each class; {_NOTE}.",
    formula="random_stratified of {x : argmax p(x) = y}, p out of fold",
    paper="Ours, after Northcutt, Jiang and Chuang, arXiv 1911.00068",
    cost="n log n beyond the teacher",
)
CLEAN_K_MEDOIDS = Selector(
    name="clean_k_medoids",
    core=clean_k_medoids,
    version="1",
    needs=frozenset({"embeddings", "labels", "teacher"}),
    tasks=frozenset({"text", "tabular"}),
    stochastic=True,
    nested=False,
    class_floor=True,
    summary=f"One typical row for each cluster of each class; {_NOTE}.",
    formula="k_medoids of {x : argmax p(x) = y}, p out of fold",
    paper="Ours, after Northcutt, Jiang and Chuang, arXiv 1911.00068",
    cost="as k_medoids, beyond the teacher",
    options={"iterations": 25},
)
