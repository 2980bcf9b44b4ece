import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sluice.randomness import keyed_bits
from sluice.subsets.contract import Pool
from sluice.subsets.distances import distance_error, nearest_centres, squared_norms
from sluice.subsets.k_medoids import central_members, cluster, k_medoids, seed_medoids
from sluice.subsets.quotas import class_quotas


def bits_of(n, seed=0):
    return keyed_bits(seed, np.array([f"{i:05d}" for i in range(n)]))


def blobs(n, d, seed, count=8):
    rng = np.random.default_rng(seed)
    x = 3 * rng.normal(size=(count, d))[rng.integers(0, count, n)] + rng.normal(size=(n, d))
    return x.astype(np.float32)


def pairwise(x, y):
    return ((x[:, None].astype(np.float64) - y[None].astype(np.float64)) ** 2).sum(axis=2)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 5), st.integers(1, 4), st.integers(0, 999))
def test_closed_form_medoid_is_the_brute_force_medoid(n, d, clusters, seed):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, d)).astype(np.float32)
    nearest = np.sort(np.concatenate([np.arange(clusters), rng.integers(0, clusters, n)])[:n])
    count = int(nearest.max()) + 1
    for c, medoid in enumerate(central_members(rows, nearest, count)):
        members = np.flatnonzero(nearest == c)
        assert medoid == members[np.argmin(pairwise(rows[members], rows[members]).sum(axis=0))]


@pytest.mark.parametrize("seed", range(5))
def test_objective_is_brute_force_falls_and_ends_where_no_medoid_can_move(seed):
    rows = blobs(300, 6, seed)
    found = cluster(rows, 20, bits_of(300, seed), 100)
    assert (np.diff(found.objectives) <= 1e-9 * found.objectives[0]).all()
    squared = pairwise(rows, rows[found.medoids])
    assert found.objectives[-1] == pytest.approx(squared.min(axis=1).sum(), rel=1e-12)
    assert found.sizes.tolist() == np.bincount(squared.argmin(axis=1), minlength=20).tolist()
    for c in range(20):
        members = np.flatnonzero(squared.argmin(axis=1) == c)
        within = pairwise(rows[members], rows[members]).sum(axis=0)
        assert within[members.tolist().index(found.medoids[c])] == pytest.approx(within.min())


def test_beats_the_start_and_random_medoids():
    rows = blobs(400, 8, 1)
    found = cluster(rows, 12, bits_of(400), 50)
    rng = np.random.default_rng(0)
    drawn = [
        pairwise(rows, rows[rng.choice(400, 12, replace=False)]).min(axis=1).sum()
        for _ in range(20)
    ]
    assert found.objectives[-1] < found.objectives[0] < np.mean(drawn)
    assert found.objectives[-1] < min(drawn)


def test_second_seed_is_drawn_by_squared_distance():
    rows = np.array([[0.0], [1.0], [2.0], [3.0]], dtype=np.float32)
    counts = np.zeros((4, 4))
    for seed in range(4000):
        first, second = seed_medoids(rows, 2, bits_of(4, seed), 1e-6)
        counts[first, second] += 1
    # pairs are unordered: P(a, b) = (d2(a,b) / sum_j d2(a,j) + d2(a,b) / sum_j d2(b,j)) / 4
    squared = (np.arange(4)[:, None] - np.arange(4)[None]) ** 2
    share = squared / squared.sum(axis=1, keepdims=True)
    upper = np.triu_indices(4, 1)
    expected = ((share + share.T) / 4)[upper]
    assert stats.chisquare(counts[upper], 4000 * expected).pvalue > 1e-4


def test_equal_rows_get_distinct_medoids():
    rows = np.repeat(blobs(4, 3, 0), 6, axis=0)
    for quota in (1, 3, 4, 5, 11, 23, 24):
        found = cluster(rows, quota, bits_of(24), 25)
        assert len(set(found.medoids.tolist())) == quota
        assert found.sizes.sum() == 24
        assert found.sizes.min() >= 1


def test_picks_follow_quotas_and_say_what_they_stand_for():
    rows = blobs(120, 5, 2)
    labels = np.repeat([0, 1, 2], [90, 27, 3])
    pool = Pool(
        np.array([f"{i:05d}" for i in range(120)]), rows, labels, class_names=("a", "b", "c")
    )
    picks = k_medoids(pool, 13, 0)
    kept = np.bincount(labels[picks.positions], minlength=3)
    assert kept.tolist() == class_quotas(np.array([90, 27, 3]), 13).tolist()
    assert (np.diff(picks.gains) <= 0).all()
    assert [picks.gains[labels[picks.positions] == c].sum() for c in range(3)] == [90, 27, 3]
    first = picks.positions[0]
    assert picks.reasons[0] == (
        f"Medoid of a cluster of {int(picks.gains[0])} of the {[90, 27, 3][labels[first]]} rows of "
        f"class {'abc'[labels[first]]!r}, one of {kept[labels[first]]} clusters."
    )


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
