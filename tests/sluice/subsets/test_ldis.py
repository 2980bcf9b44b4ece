import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instance_selection import blobs, own_size, pool_of, ranked_others

from sluice.subsets.instance_selection import neighbours
from sluice.subsets.instance_selection.ldis import ldis, mean_distance


def test_worked_example():
    pool = pool_of([0, 1, 2, 10], [0, 0, 0, 0])
    assert own_size(ldis, pool, n_neighbors=1) == {1, 2}
    picks = ldis(pool, 4, 0, n_neighbors=1)
    gains = dict(zip(picks.positions.tolist(), picks.gains.tolist(), strict=True))
    assert gains == {0: -13 / 4, 1: -11 / 4, 2: -11 / 4, 3: -27 / 4}
    assert picks.positions.tolist()[2:] == [0, 3]
    assert picks.reasons[2] == (
        "Density -3.25 (minus mean distance to its class): put back, because the method keeps 2 of "
        "class 0 and its quota is 4."
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 3), st.integers(1, 5), st.integers(0, 9999))
def test_is_the_naive_rule_class_by_class(n, classes, k, seed):
    rows, labels = blobs(n, 3, classes, seed)
    density, kept = np.zeros(n), set()
    for i in range(n):
        same = np.flatnonzero(labels == labels[i])
        density[i] = -np.linalg.norm(rows[same] - rows[i].astype(float), axis=1).sum() / len(same)
    for i in range(n):
        near = ranked_others(rows, i, np.flatnonzero(labels == labels[i]))[:k]
        if all(density[j] <= density[i] for j in near):
            kept.add(i)
    pool = pool_of(rows, labels)
    assert own_size(ldis, pool, n_neighbors=k) == kept
    picks = ldis(pool, n, 0, n_neighbors=k)
    assert picks.gains == pytest.approx(density[picks.positions])


def test_copies_tie_and_stay_together():
    rows, _ = blobs(30, 3, 1, 0)
    rows = np.repeat(rows, 3, axis=0)
    kept = np.zeros(90, dtype=bool)
    kept[list(own_size(ldis, pool_of(rows, np.zeros(90, dtype=int))))] = True
    # three neighbours are the two copies and one other: copies see the same other
    assert (kept.reshape(30, 3).all(axis=1) == kept.reshape(30, 3).any(axis=1)).all()
    assert 0 < kept.sum() < 90


def test_no_class_vanishes_and_no_block_shape_matters(monkeypatch):
    rows, labels = blobs(200, 4, 3, 0)
    whole = mean_distance(rows, np.empty((0, 0), dtype=np.int64))
    monkeypatch.setattr(neighbours, "BLOCK", 1001)
    assert np.array_equal(mean_distance(rows, np.empty((0, 0), dtype=np.int64)), whole)
    assert {labels[i] for i in own_size(ldis, pool_of(rows, labels))} == {0, 1, 2}
