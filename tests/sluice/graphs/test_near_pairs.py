import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.graphs.instance_graphs.near_pairs import grid_squares, median_distance, nearest_pairs


def distances(rows):
    rows = rows.astype(np.float64)
    return np.sqrt(np.square(rows[:, None] - rows).sum(axis=2))


def naive_pairs(d, k):
    """Union of the k nearest of each row; ties: lower position."""
    found = set()
    for i in range(len(d)):
        others = sorted((j for j in range(len(d)) if j != i), key=lambda j: (d[i, j], j))
        found |= {(min(i, j), max(i, j)) for j in others[:k]}
    return sorted(found)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(2, 30), st.integers(1, 9), st.integers(1, 12), st.integers(0, 999), st.booleans()
)
def test_pairs_equal_brute_force(size, d, k, seed, tied):
    rng = np.random.default_rng(seed)
    drawn = rng.integers(-1, 2, (size, d)) if tied else rng.normal(size=(size, d))
    rows = drawn.astype(np.float32)
    first, second, found = nearest_pairs(rows, grid_squares(rows)[0], k)
    expected = distances(rows)
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == naive_pairs(expected, k)
    assert found == pytest.approx(expected[first, second], rel=1e-14)


def test_an_outlier_that_coarsens_the_grid_changes_no_pair():
    rows = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    rows[7, 2] = 1e7
    squares, step = grid_squares(rows)
    assert step == 1  # as wide as the rows themselves
    first, second, _ = nearest_pairs(rows, squares, 4)
    assert list(zip(first, second, strict=True)) == naive_pairs(distances(rows), 4)


@pytest.mark.parametrize("d", [1, 3, 100, 129])
def test_squares_are_exact_on_the_grid(d):
    rows = np.random.default_rng(d).normal(size=(12, d)).astype(np.float32) * 50
    squares, step = grid_squares(rows)
    whole = [[int(x) for x in row] for row in np.rint(rows.astype(np.float64) / step)]
    for i in range(12):
        for j in range(12):
            exact = sum((a - b) ** 2 for a, b in zip(whole[i], whole[j], strict=True))
            assert exact < 2**53
            assert int(squares[i, j]) == exact
    assert np.abs(np.sqrt(squares) - distances(rows) / step).max() <= np.sqrt(d)


def test_extreme_entries_do_not_overflow():
    rows = np.array([[3e38, 0], [-3e38, 0], [3e38, 1e30]], dtype=np.float32)
    squares, step = grid_squares(rows)
    assert np.sqrt(squares[0, 1]) * step == pytest.approx(6e38)
    _, _, found = nearest_pairs(rows, squares, 2)
    assert np.isfinite(found).all()
    tiny = np.array([[1e-45], [4e-45]], dtype=np.float32)
    assert nearest_pairs(tiny, grid_squares(tiny)[0], 1)[2][0] > 0


@pytest.mark.parametrize("size", [2, 3, 8, 9])
def test_median_of_the_pairs(size):
    rows = np.random.default_rng(size).normal(size=(size, 4)).astype(np.float32)
    squares, step = grid_squares(rows)
    expected = np.median(distances(rows)[np.triu_indices(size, 1)])
    assert median_distance(squares) * step == pytest.approx(expected, rel=1e-6)


def test_median_of_mostly_equal_rows_is_of_the_distances_above_zero():
    rows = np.zeros((20, 2), dtype=np.float32)
    rows[0] = 3, 4
    squares, step = grid_squares(rows)
    assert median_distance(squares) * step == 5
    assert median_distance(np.zeros((4, 4))) == 0
