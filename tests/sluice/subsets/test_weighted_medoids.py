import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.core.randomness import keyed_bits
from sluice.subsets.covering import k_medoids_clusters as module
from sluice.subsets.covering.k_medoids_clusters import central_members, cluster


def bits_of(n):
    return keyed_bits(0, np.array([f"{i:05d}" for i in range(n)]))


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 25), st.integers(1, 4), st.integers(0, 999))
def test_the_member_with_the_least_weighted_sum_of_squares(n, clusters, seed):
    rng = np.random.default_rng(seed)
    rows = rng.integers(-8, 9, size=(n, 2)).astype(np.float32)
    weights = rng.integers(0, 3, size=n).astype(np.float64)
    nearest = np.unique(rng.integers(0, clusters, n), return_inverse=True)[1]
    found = central_members(rows, nearest, weights)
    for c, medoid in enumerate(found.tolist()):
        members = np.flatnonzero(nearest == c)
        w = weights[members] if weights[members].sum() else np.ones(len(members))
        squares = ((rows[members, None] - rows[None, members]) ** 2).sum(axis=2)
        cost = w @ squares
        assert nearest[medoid] == c
        assert cost[members.tolist().index(medoid)] <= cost.min() + 1e-6


def test_equal_weights_give_the_medoids_of_k_medoids(monkeypatch):
    rows = np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32)
    for quota in (1, 7, 40, 300):
        one = cluster(rows, quota, bits_of(300), 25, weights=np.full(300, 0.5))
        other = cluster(rows, quota, bits_of(300), 25)
        assert one.medoids.tolist() == other.medoids.tolist()
        assert one.sizes.tolist() == other.sizes.tolist()


def test_weight_draws_the_medoid_to_itself():
    rows = np.array([[0.0], [1.0], [2.0], [10.0]], dtype=np.float32)
    one = np.zeros(4, dtype=np.int64)
    assert central_members(rows, one, np.ones(4)).tolist() == [2]
    assert central_members(rows, one, np.array([9.0, 1, 1, 1])).tolist() == [1]
    assert central_members(rows, one, np.array([0.0, 0, 0, 1])).tolist() == [3]


def test_levels_give_distinct_medoids_and_count_every_row(monkeypatch):
    monkeypatch.setattr(module, "LIMIT", 8)
    monkeypatch.setattr(module, "TARGET", 4)
    rng = np.random.default_rng(0)
    outlier = np.vstack([rng.normal(size=(199, 2)), [[1e6, 1e6]]])
    for rows in (outlier, np.repeat(rng.normal(size=(20, 2)), 10, axis=0), np.ones((200, 2))):
        found = cluster(rows.astype(np.float32), 50, bits_of(200), 10, weights=rng.random(200))
        assert len(set(found.medoids.tolist())) == 50
        assert found.sizes.sum() == 200
        assert (found.sizes >= 1).all()
