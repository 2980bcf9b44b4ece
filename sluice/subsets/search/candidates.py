"""Subsets to start from: medoids, herded rows and random rows of what the teacher agrees with."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sluice.subsets.contract import Core, Pool
from sluice.subsets.covering.herding import herding
from sluice.subsets.covering.k_medoids import k_medoids
from sluice.subsets.quotas import class_quotas
from sluice.subsets.random_stratified import random_stratified

TRUSTS = (0.0, 0.5, 0.75)
STARTS: dict[str, tuple[Core, int]] = {
    "k_medoids": (k_medoids, 2),
    "herding": (herding, 1),
    "random_stratified": (random_stratified, 2),
}
"""Method, and how many seeds of it."""


def candidates(
    pool: Pool, teacher: NDArray[np.float64], budget: int, seed: int
) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Yield starting subsets: each method on rows edited more and more strictly.

    The quotas of the classes are Webster's, of the edited rows: a class whose rows the teacher
    doubts gets fewer than its share of all rows (ours).

    Parameters
    ----------
    pool : Pool
        Sorted by id, with embeddings and labels.
    teacher : ndarray of float64, shape (n, C)
        Out-of-fold class probabilities.
    budget : int
    seed : int

    Yields
    ------
    name : str
        For people.
    positions : ndarray of int64, shape (budget,)
    """
    labels, rows = pool.labels, pool.embeddings
    assert labels is not None
    assert rows is not None
    for trust in TRUSTS:
        at = edited(labels, teacher, trust, budget)
        inner = Pool(pool.ids[at], rows[at], labels[at], class_names=pool.class_names)
        for name, (core, seeds) in STARTS.items():
            for offset in range(seeds):
                picks = core(inner, budget, seed + offset)
                words = f"{name} on rows whose class the teacher gives more than {trust:g}"
                yield words, at[picks.positions]


def edited(
    labels: NDArray[np.int64], teacher: NDArray[np.float64], trust: float, budget: int
) -> NDArray[np.int64]:
    """Return the rows whose class the teacher would give, with more than `trust`.

    A class with fewer of them than its quota keeps its most trusted others as well.

    Parameters
    ----------
    labels : ndarray of int64, shape (n,)
    teacher : ndarray of float64, shape (n, C)
    trust : float
    budget : int
        The quotas are Webster's, of all rows.

    Returns
    -------
    ndarray of int64
        Ascending.
    """
    own = teacher[np.arange(len(labels)), labels]
    good = (teacher.argmax(axis=1) == labels) & (own > trust)
    sizes = np.bincount(labels, minlength=teacher.shape[1])
    for label, quota in enumerate(class_quotas(sizes, budget).tolist()):
        lacking = quota - int((good & (labels == label)).sum())
        if lacking > 0:
            others = np.flatnonzero(~good & (labels == label))
            good[others[np.argsort(-own[others], kind="stable")[:lacking]]] = True
    return np.flatnonzero(good)
