import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instance_selection import blobs
from scipy.cluster import hierarchy

from sluice.core.randomness import keyed_bits
from sluice.subsets.covering import k_medoids_clusters as clusters


def bits_of(n, seed=0):
    return keyed_bits(seed, np.array([f"{i:05d}" for i in range(n)]))


def rows_of(n, d, seed, count=8):
    return blobs(n, d, count, seed)[0]


def pairwise(x, y):
    return ((x[:, None].astype(np.float64) - y[None].astype(np.float64)) ** 2).sum(axis=2)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 5), st.integers(1, 4), st.integers(0, 999))
def test_closed_form_medoid_is_the_brute_force_medoid(n, d, count, seed):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, d)).astype(np.float32)
    nearest = np.sort(np.concatenate([np.arange(count), rng.integers(0, count, n)])[:n])
    for c, medoid in enumerate(clusters.central_members(rows, nearest)):
        members = np.flatnonzero(nearest == c)
        assert medoid == members[np.argmin(pairwise(rows[members], rows[members]).sum(axis=0))]


def test_equal_distances_to_the_mean_go_to_the_lower_id():
    rows = np.array([[0.0], [2.0], [5.0], [5.0]], dtype=np.float32)
    assert clusters.central_members(rows, np.array([0, 0, 1, 1])).tolist() == [0, 2]


@pytest.mark.parametrize("seed", range(5))
def test_k_means_ends_where_every_row_is_with_its_nearest_mean(seed):
    rows = rows_of(300, 6, seed)
    nearest = clusters.k_means(rows, 20, bits_of(300, seed), 300)
    means = np.array([rows[nearest == c].mean(axis=0, dtype=np.float64) for c in range(20)])
    # sklearn stops when the means move less than its tolerance
    assert (pairwise(rows, means).argmin(axis=1) == nearest).mean() > 0.99


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 40), st.integers(1, 3), st.integers(0, 999), st.data())
def test_ward_clusters_are_the_first_merges_even_among_ties(n, d, seed, data):
    count = data.draw(st.integers(1, n - 1))
    rows = np.random.default_rng(seed).integers(0, 4, size=(n, d)).astype(np.float32)
    together = {i: {i} for i in range(n)}
    for number, (one, other) in enumerate(hierarchy.ward(rows)[: n - count, :2].astype(int)):
        together[n + number] = together.pop(one) | together.pop(other)
    group = clusters._ward(rows, count)
    found = {frozenset(np.flatnonzero(group == g).tolist()) for g in range(count)}
    assert found == {frozenset(members) for members in together.values()}


def test_ward_clusters_are_scikit_learns():
    from sklearn.cluster import AgglomerativeClustering

    rows = rows_of(90, 5, 2)
    peer = AgglomerativeClustering(n_clusters=13).fit_predict(rows)
    assert len({*zip(clusters._ward(rows, 13).tolist(), peer.tolist(), strict=True)}) == 13


def test_start_is_a_keyed_sample_of_half_the_rows_at_most():
    rows = rows_of(200, 3, 0)
    low = np.sort(np.argsort(bits_of(200, 7))[:100])
    one = clusters.start(rows, 1, bits_of(200, 7))
    assert one == pytest.approx(rows[np.argsort(bits_of(200, 7))[:6]].mean(axis=0)[None], abs=1e-5)
    many = clusters.start(rows, 50, bits_of(200, 7))
    # every mean of a cluster lies in the box of the sample, and singletons are its rows
    assert (many >= rows[low].min(axis=0) - 1e-5).all()
    assert (many <= rows[low].max(axis=0) + 1e-5).all()
    assert (pairwise(many, rows[low]).min(axis=1) < 1e-9).any()
    assert np.array_equal(
        clusters.start(rows, 150, bits_of(200, 7))[0], rows[min(np.argsort(bits_of(200, 7))[:150])]
    )


@pytest.mark.parametrize("levels", [False, True])
def test_medoids_are_distinct_and_sizes_count_every_row(levels, monkeypatch):
    if levels:
        monkeypatch.setattr(clusters, "LIMIT", 6)
        monkeypatch.setattr(clusters, "TARGET", 3)
    rows = rows_of(400, 4, 3)
    for quota in (1, 2, 7, 60, 399, 400):
        found = clusters.cluster(rows, quota, bits_of(400), 25)
        assert len(np.unique(found.medoids)) == quota
        assert (np.diff(found.medoids) > 0).all()
        assert found.sizes.min() >= 1
        assert found.sizes.sum() == 400


def test_levels_cost_little_of_the_objective(monkeypatch):
    rows = rows_of(2000, 3, 4, count=40)
    flat = clusters.cluster(rows, 100, bits_of(2000), 25).medoids
    monkeypatch.setattr(clusters, "LIMIT", 10)
    monkeypatch.setattr(clusters, "TARGET", 5)
    levels = clusters.cluster(rows, 100, bits_of(2000), 25).medoids
    drawn = np.argsort(bits_of(2000))[:100]
    value = [pairwise(rows, rows[some]).min(axis=1).sum() for some in (flat, levels, drawn)]
    assert value[1] < 1.15 * value[0]
    assert value[1] < 0.9 * value[2]


@pytest.mark.parametrize(
    "rows",
    [
        np.ones((900, 2)),
        np.repeat(np.arange(3.0), 300)[:, None],
        2.0 ** np.linspace(-40, 40, 900)[:, None],
        np.concatenate([np.zeros(880), 1e6 * np.arange(1, 21)])[:, None],
    ],
    ids=["equal", "three values", "every scale", "outliers"],
)
def test_rows_that_no_grouping_splits_well(rows, monkeypatch):
    monkeypatch.setattr(clusters, "LIMIT", 6)
    monkeypatch.setattr(clusters, "TARGET", 3)
    for quota in (3, 40, 500, 899):
        found = clusters.cluster(rows.astype(np.float32), quota, bits_of(900), 25)
        assert len(np.unique(found.medoids)) == quota
        assert found.sizes.min() >= 1
        assert found.sizes.sum() == 900


def test_too_few_different_rows_are_filled_by_distance_then_id():
    rows = np.array([[0.0], [0.0], [1.0], [0.0], [9.0]], dtype=np.float32)
    nearest = np.array([0, 0, 0, 0, 1])
    medoids = clusters.central_members(rows, nearest)
    assert medoids.tolist() == [0, 4]
    found = clusters.with_all_medoids(rows, nearest, medoids, 4)
    # first the row at distance 1, then the copy with the lowest id
    assert found.medoids.tolist() == [0, 1, 2, 4]
    assert found.sizes.tolist() == [2, 1, 1, 1]


def test_number_of_threads_does_not_matter():
    from threadpoolctl import threadpool_limits

    rows = rows_of(3000, 10, 6)
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads, user_api="openmp"):
            found.append(clusters.cluster(rows, 90, bits_of(3000), 25))
    assert np.array_equal(found[0].medoids, found[1].medoids)
    assert np.array_equal(found[0].sizes, found[1].sizes)
