import numpy as np
from hypothesis import given, settings
from instance_selection import blobs, grids, local_set, own_size, pool_of, without_noise

from sluice.subsets.instance_selection.icf import filtered, icf


def naive(rows, labels, k=3):
    left = without_noise(rows, labels, k)
    while True:
        sets = {i: local_set(rows, labels, i, left)[0] for i in left}
        coverage = {j: sum(j in sets[i] for i in left) for j in left}
        drop = {j for j in left if len(sets[j]) > coverage[j]}
        if not drop:
            return left, coverage
        left = [j for j in left if j not in drop]


@settings(max_examples=80, deadline=None)
@given(grids())
def test_is_the_naive_filter(table):
    rows, labels = table
    left, coverage = naive(rows, labels)
    pool = pool_of(rows, labels)
    assert own_size(icf, pool) == set(left)
    picks = icf(pool, None, 0)
    assert picks.gains.tolist() == [coverage[p] for p in picks.positions.tolist()]


def test_no_class_vanishes_after_the_noise_filter():
    for seed in range(20):
        rows, labels = blobs(60, 2, 4, seed)
        left = without_noise(rows, labels, 3)
        kept = own_size(icf, pool_of(rows, labels))
        assert {labels[i] for i in kept} == {labels[i] for i in left}


def test_order_of_what_is_put_back():
    rows, labels = blobs(150, 3, 2, 2, spread=1.2)
    left = np.array(without_noise(rows, labels, 3))
    found = filtered(rows[left], labels[left])
    assert found.iterations > 2
    stage = np.full(150, 99)
    stage[left] = np.where(found.dropped_in, found.iterations + 1 - found.dropped_in, 0)
    order = icf(pool_of(rows, labels), 150, 0).positions
    for c in (0, 1):
        assert (np.diff(stage[order[labels[order] == c]]) >= 0).all()


def test_inside_goes_and_border_stays():
    # two classes on a line: the two rows of each that face the other cover those behind them
    pool = pool_of([0, 1, 2, 3, 4, 6, 7, 8, 9, 10], [0] * 5 + [1] * 5)
    assert own_size(icf, pool) == {3, 4, 5, 6}
    picks = icf(pool, 10, 0)
    assert picks.reasons[0].startswith("Covers 2 rows and is reached by 2: number 1 of the 2 that")


def test_reason_of_noise():
    pool = pool_of([0, 1, 2, 3, 1.4, 9, 10, 11, 12], [0, 0, 0, 0, 1, 1, 1, 1, 1])
    picks = icf(pool, 9, 0)
    assert picks.reasons[picks.positions.tolist().index(4)].startswith(
        "Dropped as noise, 0 of its 3 nearest rows agree: put back"
    )
