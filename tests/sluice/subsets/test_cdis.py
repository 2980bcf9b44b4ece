import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instance_selection import blobs, own_size, pool_of, ranked_others

from sluice.subsets.instance_selection.cdis import cdis, central_density
from sluice.subsets.instance_selection.neighbours import nearest


def naive_density(rows, i, same, k):
    near = ranked_others(rows, i, same)[:k]
    total = sum(1 / (1 + np.linalg.norm(rows[i].astype(float) - rows[z])) for z in same if z != i)
    if not near:
        return total, near
    centroid = rows[near].astype(float).mean(axis=0)
    return total / (1 + np.linalg.norm(rows[i] - centroid)), near


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 3), st.integers(1, 5), st.integers(0, 9999))
def test_is_the_naive_rule_class_by_class(n, classes, k, seed):
    rows, labels = blobs(n, 3, classes, seed)
    found = [naive_density(rows, i, np.flatnonzero(labels == labels[i]), k) for i in range(n)]
    kept = {i for i in range(n) if all(found[j][0] <= found[i][0] for j in found[i][1])}
    pool = pool_of(rows, labels)
    assert own_size(cdis, pool, n_neighbors=k) == kept
    picks = cdis(pool, n, 0, n_neighbors=k)
    assert picks.gains == pytest.approx([found[p][0] for p in picks.positions.tolist()])


def test_by_hand():
    # line 0, 1, 2, 10 with one neighbour: 1/2 + 1/3 + 1/11 over 1 + 1, and so on
    rows = np.array([[0], [1], [2], [10]], dtype=np.float32)
    density = central_density(rows, nearest(rows, 1))
    assert density == pytest.approx(
        [
            (1 / 2 + 1 / 3 + 1 / 11) / 2,
            (1 / 2 + 1 / 2 + 1 / 10) / 2,
            (1 / 3 + 1 / 2 + 1 / 9) / 2,
            (1 / 11 + 1 / 10 + 1 / 9) / 9,
        ]
    )
    # 2's neighbour 1 is denser, 10's neighbour 2 too
    assert own_size(cdis, pool_of(rows, [0] * 4), n_neighbors=1) == {1}


def test_copies_tie_and_a_row_alone_stays():
    rows = np.repeat(blobs(20, 2, 1, 1)[0], 4, axis=0)
    density = central_density(rows, nearest(rows, 3)).reshape(20, 4)
    assert (density == density[:, :1]).all()
    assert own_size(cdis, pool_of([3.0], [0])) == {0}
    assert cdis(pool_of([3.0], [0]), 1, 0).gains.tolist() == [0.0]


def test_densities_that_differ_by_rounding_alone_tie():
    # rows 1 and 2 mirror each other: the same sums in another order
    kept = own_size(cdis, pool_of([0, 1, 2, 3], [0] * 4))
    assert kept == {1, 2}
    rng = np.random.default_rng(0)
    for _ in range(50):
        half = rng.integers(0, 9, size=(6, 2)) / 7
        rows = np.concatenate([half, -half])
        kept = own_size(cdis, pool_of(rows, [0] * 12), n_neighbors=11)
        assert kept == {(i + 6) % 12 for i in kept}
