"""Local sets: the rows that lie nearer to a row than its nearest enemy does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sluice.subsets.instance_selection.neighbours import squared_blocks


@dataclass(frozen=True)
class LocalSets:
    """Sizes of all local sets and of all coverages; the sets themselves are never stored.

    Attributes
    ----------
    radius : ndarray of float64, shape (n,)
        Squared distance to the nearest enemy (row of another class); infinite without one.
    enemy : ndarray of int64, shape (n,)
        Position of the nearest enemy, ties by lower id; -1 without one.
    size : ndarray of int64, shape (n,)
        Rows in the row's local set: its reachability, or local set cardinality.
    coverage : ndarray of int64, shape (n,)
        Local sets that contain the row: its coverage, or usefulness.
    harm : ndarray of int64, shape (n,)
        Rows whose nearest enemy it is: its harmfulness.
    """

    radius: NDArray[np.float64]
    enemy: NDArray[np.int64]
    size: NDArray[np.int64]
    coverage: NDArray[np.int64]
    harm: NDArray[np.int64]


def local_sets(rows: NDArray[np.float32], labels: NDArray[np.int64]) -> LocalSets:
    """Measure ``LS(x) = {z : |x - z| < |x - enemy(x)|}`` for every row x.

    All of LS(x) is of x's class, since no enemy is nearer than the nearest. By this
    definition a row belongs to its own local set, unless an enemy equals it.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, d)
        In ascending order of id.
    labels : ndarray of int64, shape (n,)

    Notes
    -----
    Brighton and Mellish, Data Mining and Knowledge Discovery 6, 2002. Cost n^2 d; memory a
    few blocks, see `squared_blocks`.
    """
    n = len(rows)
    radius = np.full(n, np.inf)
    enemy = np.full(n, -1, dtype=np.int64)
    size, coverage = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    for part, squared in squared_blocks(rows, rows):
        foes = np.where(labels[part, None] == labels[None, :], np.inf, squared)
        first = foes.argmin(axis=1)
        radius[part] = foes[np.arange(len(first)), first]
        enemy[part] = np.where(np.isfinite(radius[part]), first, -1)
        inside = squared < radius[part, None]
        size[part] = inside.sum(axis=1)
        coverage += inside.sum(axis=0)
    harm = np.bincount(enemy[enemy >= 0], minlength=n).astype(np.int64)
    return LocalSets(radius, enemy, size, coverage, harm)
