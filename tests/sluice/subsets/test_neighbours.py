import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instance_selection import blobs, grids, majority, ranked_others
from sklearn.neighbors import NearestNeighbors

from sluice.core.errors import ConfigError
from sluice.subsets.instance_selection import neighbours
from sluice.subsets.instance_selection.neighbours import (
    check_neighbours,
    nearest,
    smallest,
    squared_blocks,
    vote,
    vote_margin,
)


@settings(max_examples=60, deadline=None)
@given(grids(), st.integers(1, 6))
def test_nearest_is_brute_force_with_ties_by_position(table, k):
    rows, _ = table
    found = nearest(rows, k)
    for i in range(len(rows)):
        expected = ranked_others(rows, i, range(len(rows)))[:k]
        assert found[i].tolist() == expected + [-1] * (k - len(expected))


@settings(max_examples=40, deadline=None)
@given(grids(), st.integers(1, 4), st.integers(0, 99))
def test_nearest_of_some_among_some(table, k, seed):
    rows, _ = table
    rng = np.random.default_rng(seed)
    queries = np.flatnonzero(rng.random(len(rows)) < 0.6)
    among = np.flatnonzero(rng.random(len(rows)) < 0.5)
    found = nearest(rows, k, queries, among)
    for row, i in enumerate(queries):
        expected = ranked_others(rows, i, among)[:k]
        assert found[row].tolist() == expected + [-1] * (k - len(expected))


def test_agrees_with_scikit_learn_in_any_block(monkeypatch):
    rows, _ = blobs(500, 6, 3, 0)
    index = NearestNeighbors(n_neighbors=6).fit(rows)
    expected = index.kneighbors(rows, return_distance=False)[:, 1:]
    assert np.array_equal(nearest(rows, 5), expected)
    for block in (1, 1700, 77_777):
        monkeypatch.setattr(neighbours, "BLOCK", block)
        assert np.array_equal(nearest(rows, 5), expected)


def test_distances_have_the_same_bits_in_any_block_and_order(monkeypatch):
    rows, _ = blobs(90, 7, 2, 1)
    whole = next(squared_blocks(rows, rows))[1]
    assert np.array_equal(whole, whole.T)
    assert (np.diag(whole) == 0).all()
    monkeypatch.setattr(neighbours, "BLOCK", 4 * 90)
    blocks = list(squared_blocks(rows, rows))
    assert [part.stop - part.start for part, _ in blocks] == [4] * 22 + [2]
    assert np.array_equal(np.concatenate([squared for _, squared in blocks]), whole)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.integers(1, 12), st.integers(1, 14), st.integers(0, 999))
def test_smallest_is_a_stable_sort(q, m, k, seed):
    values = np.random.default_rng(seed).integers(0, 4, size=(q, m)).astype(float)
    assert np.array_equal(smallest(values, k), np.argsort(values, axis=1, kind="stable")[:, :k])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(-1, 2), min_size=4, max_size=4), min_size=1, max_size=8))
def test_vote_and_its_margin(near):
    near = np.array(near)
    expected = [majority([c for c in row if c >= 0]) for row in near.tolist()]
    assert vote(near).tolist() == expected
    labels = np.arange(len(near)) % 3
    for label, row, margin in zip(labels, near, vote_margin(labels, near), strict=True):
        there = [c for c in row.tolist() if c >= 0]
        strongest = max((there.count(c) for c in range(3) if c != label), default=0)
        assert margin == (there.count(label) - strongest) / max(1, len(there))


@pytest.mark.parametrize("k", [0, -1, 1.5, True, "3", None])
def test_neighbours_are_a_positive_integer(k):
    with pytest.raises(ConfigError, match="at least 1"):
        check_neighbours(k)
    assert check_neighbours(np.int64(2)) == 2
