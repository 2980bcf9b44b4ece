import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.graphs.instance_graphs.batches import (
    batch_count,
    dealt_batches,
    drawn_batches,
    hashed_batches,
    largest_remainder,
)


def names(n):
    return np.array([f"{i:06d}" for i in range(n)])


def is_partition(parts, n):
    return sorted(np.concatenate([part.positions for part in parts]).tolist()) == list(range(n))


@given(st.integers(1, 10**9), st.integers(2, 5000))
def test_the_number_of_batches_is_the_least_power_of_two(n, size):
    count = batch_count(n, size)
    assert count.bit_count() == 1
    assert n <= count * size
    assert count == 1 or n > count // 2 * size


def test_hashed_batches_spread_the_classes_within_the_bound():
    n, size = 20_000, 512
    labels = np.repeat([0, 1, 2], [14_000, 5_000, 1_000])
    parts = hashed_batches(names(n), 0, size)
    assert is_partition(parts, n)
    assert len(parts) == 64
    mean = n / len(parts)
    for part in parts:
        counts = np.bincount(labels[part.positions], minlength=3)
        expected = mean * np.bincount(labels) / n
        assert (np.abs(counts - expected) <= 4 * np.sqrt(expected)).all()


def test_a_row_that_comes_joins_one_batch_and_a_doubling_halves_each():
    ids = names(900)
    before = {part.key: set(ids[part.positions]) for part in hashed_batches(ids, 1, 100)}
    more = np.append(ids, "new")
    after = {part.key: set(more[part.positions]) for part in hashed_batches(more, 1, 100)}
    changed = [key for key in after if after[key] != before[key]]
    assert len(changed) == 1
    assert after[changed[0]] - before[changed[0]] == {"new"}
    split = [set(ids[part.positions]) for part in hashed_batches(ids, 1, 50)]
    assert len(split) == 2 * len(before)
    assert all(any(half <= whole for whole in before.values()) for half in split)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=6), st.integers(2, 40))
def test_dealt_batches_are_an_exactly_stratified_partition(sizes, batch_size):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    n = len(labels)
    if n == 0:
        return
    parts = dealt_batches(names(n), labels, 3, batch_size)
    assert is_partition(parts, n)
    assert len(parts) == -(-n // batch_size)
    mean = n / len(parts)
    for part in parts:
        assert abs(len(part.positions) - mean) < 1
        counts = np.bincount(labels[part.positions], minlength=len(sizes))
        assert (np.abs(counts - mean * np.array(sizes) / n) < 1).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=6), st.integers(2, 80))
def test_drawn_batches_hold_the_quota_of_each_class_and_one_row_at_least(sizes, batch_size):
    sizes = np.array(sizes)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    n = len(labels)
    if n == 0:
        return
    parts = drawn_batches(names(n), labels, 3, batch_size, 4)
    total = min(batch_size, n)
    for part in parts:
        assert (np.diff(part.positions) > 0).all()
        counts = np.bincount(labels[part.positions], minlength=len(sizes))
        assert (counts[sizes > 0] >= 1).all()
        share = total * sizes / n
        floored = (counts == 1) & (share < 1)
        assert (np.abs(counts - share)[~floored] < 1).all()
        assert total <= len(part.positions) <= total + np.count_nonzero(sizes)


def test_drawn_batches_differ_and_leave_rows_out():
    parts = drawn_batches(names(1000), np.zeros(1000, dtype=int), 0, 50, 3)
    rows = [frozenset(part.positions.tolist()) for part in parts]
    assert len(set(rows)) == 3
    assert [len(each) for each in rows] == [50, 50, 50]


@pytest.mark.parametrize(
    ("sizes", "total", "expected"),
    [
        ([5, 3, 2], 10, [5, 3, 2]),
        ([1, 1, 1], 2, [1, 1, 0]),  # ties: the lower class
        ([60, 30, 10], 4, [3, 1, 0]),  # 2.4, 1.2, 0.4: remainders .4 and .4, the lower first
        ([0, 7], 3, [0, 3]),
    ],
)
def test_largest_remainder(sizes, total, expected):
    assert largest_remainder(np.array(sizes), total).tolist() == expected
