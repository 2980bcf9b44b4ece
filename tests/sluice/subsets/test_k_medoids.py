import numpy as np
import pytest
from instance_selection import blobs, pool_of

from sluice.subsets.covering.k_medoids import k_medoids
from sluice.subsets.quotas import class_quotas
from sluice.subsets.registry import SELECTORS
from sluice.subsets.runner import run


def objective(rows, medoids):
    difference = rows[:, None].astype(np.float64) - rows[None, medoids].astype(np.float64)
    return (difference**2).sum(axis=2).min(axis=1).sum()


def test_picks_follow_quotas_and_say_what_they_stand_for():
    rows, _ = blobs(120, 5, 4, 2)
    labels = np.repeat([0, 1, 2], [90, 27, 3])
    picks = k_medoids(pool_of(rows, labels, ("a", "b", "c")), 13, 0)
    kept = np.bincount(labels[picks.positions], minlength=3)
    assert kept.tolist() == class_quotas(np.array([90, 27, 3]), 13).tolist()
    assert (np.diff(picks.gains) <= 0).all()
    assert [picks.gains[labels[picks.positions] == c].sum() for c in range(3)] == [90, 27, 3]
    first = picks.positions[0]
    assert picks.reasons[0] == (
        f"Medoid of a cluster of {int(picks.gains[0])} of the {[90, 27, 3][labels[first]]} rows of "
        f"class {'abc'[labels[first]]!r}, one of {kept[labels[first]]} clusters."
    )


@pytest.mark.parametrize("seed", range(3))
def test_objective_is_near_that_of_greedy_k_means_and_far_below_random(seed):
    from sklearn.cluster import KMeans

    rows, _ = blobs(500, 4, 12, seed)
    found = k_medoids(pool_of(rows, np.zeros(500, dtype=int)), 20, seed).positions
    peer = KMeans(20, n_init=1, random_state=seed).fit(rows)
    nearest = peer.transform(rows).argmin(axis=0)
    rng = np.random.default_rng(seed)
    drawn = [objective(rows, rng.choice(500, 20, replace=False)) for _ in range(20)]
    assert objective(rows, found) < 1.15 * objective(rows, nearest)
    assert objective(rows, found) < 0.9 * min(drawn)


def test_one_and_two_rows_a_class_and_a_quota_of_the_whole_class():
    rows = np.arange(7, dtype=np.float32)
    labels = np.array([0, 1, 1, 2, 2, 2, 2])
    pool = pool_of(rows, labels)
    assert np.bincount(labels[k_medoids(pool, 3, 0).positions]).tolist() == [1, 1, 1]
    assert sorted(k_medoids(pool, 7, 0).positions.tolist()) == list(range(7))
    assert k_medoids(pool, 7, 0).gains.tolist() == [1] * 7


def test_copies_with_different_labels_and_constant_columns():
    rows = np.repeat(np.array([[0.0, 5.0], [1.0, 5.0], [9.0, 5.0]], dtype=np.float32), 20, axis=0)
    labels = np.arange(60) % 2
    for budget in (2, 6, 7, 31, 60):
        kept = run(SELECTORS["k_medoids"], pool_of(rows, labels), budget, 0)
        assert len(set(kept.ids)) == budget
        positions = kept.ids.astype(int)
        if budget >= 6:  # three values in each class: each has its medoid
            assert len({(labels[p], rows[p, 0]) for p in positions}) == 6


def test_many_clusters_are_the_same_in_any_order_of_the_rows():
    rows, labels = blobs(4000, 3, 2, 5)
    pool = pool_of(rows, labels)
    order = np.random.default_rng(1).permutation(4000)
    moved = type(pool)(pool.ids[order], rows[order], labels[order])
    first, second = (run(SELECTORS["k_medoids"], given, 800, 4) for given in (pool, moved))
    assert first.ids.tolist() == second.ids.tolist()
    assert first.gains.tolist() == second.gains.tolist()
