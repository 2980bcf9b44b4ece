import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.graphs.canonical import (
    canonical_cosine,
    canonical_cosine_lists,
    canonical_squared_distance,
    halving_sum,
)


def unit_rows(n, d, seed=0):
    x = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def tree(values):
    """The same tree, said recursively and on Python floats."""
    if len(values) == 1:
        return values[0]
    half = len(values) // 2
    halved = [values[i] + values[half + i] for i in range(half)]
    return tree(halved + values[2 * half :])


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=70))
def test_halving_sum_is_the_stated_tree(values):
    assert halving_sum(np.array(values)) == tree(values)


@pytest.mark.parametrize("d", [1, 2, 3, 7, 64, 100, 384, 385])
def test_cosine_is_symmetric_independent_of_the_batch_and_accurate(d):
    x = unit_rows(40, d)
    every = canonical_cosine(x[:, None], x[None])
    assert np.array_equal(every, every.T)
    for i, j in [(0, 1), (5, 5), (39, 20)]:
        assert canonical_cosine(x[i], x[j]) == every[i, j]
        exact = math.fsum(float(a) * float(b) for a, b in zip(x[i], x[j], strict=True))
        assert every[i, j] == pytest.approx(exact, abs=1e-15)


def test_cosines_of_long_lists_do_not_depend_on_their_blocks():
    x = unit_rows(500, 96)
    lists = np.random.default_rng(1).integers(0, 500, (500, 40))
    scores = canonical_cosine_lists(x, x, lists)
    for row in range(0, 500, 37):
        assert np.array_equal(scores[row], canonical_cosine(x[row], x[lists[row]]))


def test_squared_distance_is_symmetric_exactly_zero_for_equal_rows_and_right():
    x = np.random.default_rng(3).normal(size=(30, 33)).astype(np.float32)
    every = canonical_squared_distance(x[:, None], x[None])
    assert np.array_equal(every, every.T)
    assert (np.diag(every) == 0).all()
    assert every[2, 9] == pytest.approx(math.dist(x[2].tolist(), x[9].tolist()) ** 2, rel=1e-13)
