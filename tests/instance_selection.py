"""Small tables with many ties, and the words of the classical methods said naively."""

import numpy as np
from hypothesis import strategies as st

from sluice.subsets.contract import Pool


@st.composite
def grids(draw, most=28, classes=3):
    """Rows on a small integer grid: distances are exact, ties and duplicates are common."""
    n = draw(st.integers(1, most))
    d = draw(st.integers(1, 3))
    seed = draw(st.integers(0, 2**32 - 1))
    wide = draw(st.integers(2, 7))
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, wide, size=(n, d)).astype(np.float32)
    return rows, rng.integers(0, draw(st.integers(1, classes)), size=n)


def blobs(n, d, classes, seed, spread=2.0):
    """Gaussian classes that overlap."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, size=n)
    centres = spread * rng.normal(size=(classes, d))
    return (centres[labels] + rng.normal(size=(n, d))).astype(np.float32), labels


def pool_of(rows, labels, names=()):
    rows = np.asarray(rows, dtype=np.float32)
    if rows.ndim == 1:
        rows = rows[:, None]
    ids = np.array([f"{i:05d}" for i in range(len(rows))])
    return Pool(ids, rows, np.asarray(labels), class_names=names)


def squared(a, b):
    return float(((a.astype(np.float64) - b.astype(np.float64)) ** 2).sum())


def ranked_others(rows, i, among):
    """Other rows of `among` from near to far, ties by position."""
    return sorted((j for j in among if j != i), key=lambda j: (squared(rows[i], rows[j]), j))


def majority(labels):
    """Most frequent label; of several, the one that comes first."""
    best, most = -1, 0
    for label in labels:
        if list(labels).count(label) > most:
            best, most = label, list(labels).count(label)
    return best


def without_noise(rows, labels, k):
    """Rows that the majority of their k nearest rows gets right."""
    n = len(rows)
    kept = []
    for i in range(n):
        near = ranked_others(rows, i, range(n))[:k]
        if not near or majority([labels[j] for j in near]) == labels[i]:
            kept.append(i)
    return kept


def local_set(rows, labels, i, among):
    """Rows nearer to row i than its nearest enemy, and that enemy (None without one)."""
    enemies = [j for j in ranked_others(rows, i, among) if labels[j] != labels[i]]
    radius = squared(rows[i], rows[enemies[0]]) if enemies else np.inf
    inside = {j for j in among if squared(rows[i], rows[j]) < radius}
    return inside, (enemies[0] if enemies else None)


def own_size(method, pool, **options):
    """Positions that a method keeps by itself, as a set."""
    picks = method(pool, None, 0, **options)
    assert len(set(picks.positions.tolist())) == len(picks.positions)
    return set(picks.positions.tolist())
