import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sluice.subsets.covering.k_center as module
from sluice.core.errors import ConfigError
from sluice.subsets.contract import Pool
from sluice.subsets.covering.k_center import greedy_k_center, k_center


def pool_of(rows):
    return Pool(np.array([f"{i:05d}" for i in range(len(rows))]), rows)


def naive(rows, total, picks):
    """All distances to all picks anew at each step, in float64; ties: lower position."""
    x, picks = rows.astype(np.float64), list(picks)
    distances = []
    while len(picks) < total:
        squared = ((x[:, None] - x[picks][None]) ** 2).sum(axis=2).min(axis=1)
        squared[picks] = -1
        picks.append(int(np.argmax(squared)))
        distances.append(max(squared[picks[-1]], 0.0) ** 0.5)
    return picks, distances


def clustered(n, d, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(12, d))[rng.integers(0, 12, n)] + 0.3 * rng.normal(size=(n, d))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("active", [1, 10, 1024])
@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_equals_naive_greedy(active, scale, monkeypatch):
    monkeypatch.setattr(module, "ACTIVE", active)
    rows = clustered(500, 24, 0) * np.float32(scale)
    found, distances = greedy_k_center(rows, 120, np.array([17]))
    picks, expected = naive(rows, 120, [17])
    assert [17, *found.tolist()] == picks
    assert distances == pytest.approx(expected, rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 40), st.integers(1, 4), st.integers(1, 4), st.integers(0, 999), st.data())
def test_equals_naive_greedy_among_many_exact_ties(n, d, active, seed, data):
    rows = np.random.default_rng(seed).integers(0, 3, size=(n, d)).astype(np.float32)
    total = data.draw(st.integers(1, n))
    begun = data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=total, unique=True))
    before, module.ACTIVE = module.ACTIVE, active
    try:
        found, distances = greedy_k_center(rows, total, np.array(begun))
    finally:
        module.ACTIVE = before
    picks, expected = naive(rows, total, begun)
    assert begun + found.tolist() == picks
    assert distances == pytest.approx(expected, rel=1e-12)


def test_tiles_are_no_parameter_of_the_result(monkeypatch):
    rows = clustered(700, 33, 4)
    whole = greedy_k_center(rows, 200, np.array([0]))
    monkeypatch.setattr(module, "ROWS", 13)
    tiled = greedy_k_center(rows, 200, np.array([0]))
    assert np.array_equal(whole[0], tiled[0])
    assert np.array_equal(whole[1], tiled[1])


def test_near_ties_are_settled_in_float64():
    # float32 products cannot tell these distances apart, float64 can
    angles = np.pi / 2 + np.arange(8) * 1e-5
    rows = np.array([[1.0, 0.0], *[(np.cos(a), np.sin(a)) for a in angles]], dtype=np.float32)
    found, _ = greedy_k_center(rows, 2, np.array([0]))
    assert found.tolist() == naive(rows, 2, [0])[0][1:]


def test_first_pick_is_the_row_closest_to_the_mean():
    rows = clustered(300, 16, 2)
    x = rows.astype(np.float64)
    first = int(np.argmin(((x - x.mean(axis=0)) ** 2).sum(axis=1)))
    picks = k_center(pool_of(rows), 5, 0)
    assert picks.positions.tolist() == naive(rows, 5, [first])[0]
    assert picks.gains[0] == pytest.approx(np.linalg.norm(x - x[first], axis=1).max())
    assert (np.diff(picks.gains) <= 0).all()
    assert "closest row to the mean" in picks.reasons[0]
    assert f"{picks.gains[3]:.3f}" in picks.reasons[3]


def test_start_is_an_id():
    rows = clustered(50, 8, 1)
    assert k_center(pool_of(rows), 3, 0, start="00031").positions[0] == 31
    with pytest.raises(ConfigError, match="no id of the pool"):
        k_center(pool_of(rows), 3, 0, start="nobody")


def test_fills_up_by_id_once_all_rows_are_covered():
    rows = np.repeat(np.eye(3, dtype=np.float32), 3, axis=0)
    picks = k_center(pool_of(rows), 7, 0)
    assert picks.positions.tolist() == [0, 3, 6, 1, 2, 4, 5]
    assert (picks.gains[3:] == 0).all()
    assert picks.reasons[3].startswith("Fills the budget")


def test_covers_at_most_twice_the_best_radius():
    rows = clustered(12, 3, 8).astype(np.float64)
    distance = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    from itertools import combinations

    best = min(distance[:, list(s)].min(axis=1).max() for s in combinations(range(12), 3))
    kept = k_center(pool_of(rows.astype(np.float32)), 3, 0).positions
    assert distance[:, kept].min(axis=1).max() <= 2 * best + 1e-6
