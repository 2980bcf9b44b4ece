import numpy as np
from hypothesis import given, settings
from instance_selection import blobs, grids, local_set

from sluice.subsets.instance_selection import neighbours
from sluice.subsets.instance_selection.local_sets import local_sets


@settings(max_examples=80, deadline=None)
@given(grids())
def test_sizes_are_those_of_the_naive_sets(table):
    rows, labels = table
    n = len(rows)
    found = local_sets(rows, labels)
    naive = [local_set(rows, labels, i, range(n)) for i in range(n)]
    assert found.size.tolist() == [len(inside) for inside, _ in naive]
    assert found.coverage.tolist() == [sum(j in inside for inside, _ in naive) for j in range(n)]
    assert found.harm.tolist() == [sum(enemy == j for _, enemy in naive) for j in range(n)]
    assert found.enemy.tolist() == [-1 if enemy is None else enemy for _, enemy in naive]
    for c in np.unique(labels):
        assert found.size[labels == c].sum() == found.coverage[labels == c].sum()


def test_by_hand():
    # on a line: a b . c d with classes 0 0 1 1, and a copy of c in class 0
    rows = np.array([[0], [1], [3], [4], [3]], dtype=np.float32)
    found = local_sets(rows, np.array([0, 0, 1, 1, 0]))
    assert found.radius.tolist() == [9, 4, 0, 1, 0]
    assert found.enemy.tolist() == [2, 2, 4, 4, 2]
    assert found.size.tolist() == [2, 2, 0, 1, 0]
    assert found.coverage.tolist() == [2, 2, 0, 1, 0]
    assert found.harm.tolist() == [0, 0, 3, 0, 2]


def test_one_class_and_no_row():
    rows = np.ones((4, 2), dtype=np.float32)
    found = local_sets(rows, np.zeros(4, dtype=int))
    assert found.size.tolist() == found.coverage.tolist() == [4] * 4
    assert found.enemy.tolist() == [-1] * 4
    assert local_sets(rows[:0], np.zeros(0, dtype=int)).size.shape == (0,)


def test_no_block_shape_matters(monkeypatch):
    rows, labels = blobs(200, 4, 3, 0)
    whole = local_sets(rows, labels)
    monkeypatch.setattr(neighbours, "BLOCK", 1234)
    parts = local_sets(rows, labels)
    for name in ("radius", "enemy", "size", "coverage", "harm"):
        assert np.array_equal(getattr(parts, name), getattr(whole, name))
