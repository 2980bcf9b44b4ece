import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.subsets.covering.distances import (
    distance_error,
    nearest_centres,
    pair_squared_distances,
    squared_norms,
)


def pairwise(x, y):
    return ((x[:, None].astype(np.float64) - y[None].astype(np.float64)) ** 2).sum(axis=2)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 10), st.integers(1, 3), st.integers(0, 999))
def test_nearest_centres_equal_brute_force_with_ties(n, c, d, seed):
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, 3, size=(n, d)).astype(np.float32)
    centres = rng.integers(0, 3, size=(c, d)).astype(np.float32)
    limits = rng.integers(1, c + 1, size=n)
    largest = float(max(squared_norms(rows).max(), squared_norms(centres).max()))
    nearest, squared = nearest_centres(rows, centres, distance_error(d, largest), limits)
    exact = pairwise(rows, centres)
    for i in range(n):
        assert nearest[i] == np.argmin(exact[i, : limits[i]])
        assert squared[i] == exact[i, : limits[i]].min()


def test_distance_error_holds():
    rng = np.random.default_rng(0)
    for d in (3, 64, 700):
        rows = (10 * rng.normal(size=(200, d))).astype(np.float32)
        norms = squared_norms(rows)
        squared = norms[:, None] + norms[None] - 2 * (rows @ rows.T)
        error = np.abs(squared - pairwise(rows, rows)).max()
        assert error <= distance_error(d, float(norms.max()))


def test_pairs_are_measured_whatever_the_block():
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(300, 700)).astype(np.float32)
    centres = rng.normal(size=(20, 700))
    row, centre = rng.integers(0, 300, 1000), rng.integers(0, 20, 1000)
    found = pair_squared_distances(rows, row, centres, centre)
    assert np.allclose(found, pairwise(rows, centres)[row, centre], rtol=1e-12)
    for p in (0, 186, 187, 999):
        alone = pair_squared_distances(rows, row[p : p + 1], centres, centre[p : p + 1])
        assert alone[0] == found[p]
