import numpy as np
import pytest
from instance_selection import blobs, pool_of, ranked_others

from sluice.core.errors import ConfigError
from sluice.subsets.covering.enn_k_medoids import enn_k_medoids, own_neighbours
from sluice.subsets.covering.k_medoids import k_medoids
from sluice.subsets.quotas import class_quotas


def counted(rows, labels, i, k):
    near = ranked_others(rows, i, range(len(rows)))[:k]
    return sum(labels[j] == labels[i] for j in near)


@pytest.mark.parametrize("seed", range(4))
def test_medoids_of_the_rows_whose_neighbours_all_agree(seed):
    rows, labels = blobs(160, 3, 3, seed)
    own = np.array([counted(rows, labels, i, 3) for i in range(160)])
    budget = 12
    picks = enn_k_medoids(pool_of(rows, labels), budget, seed)
    quotas = class_quotas(np.bincount(labels), budget)
    assert np.bincount(labels[picks.positions]).tolist() == quotas.tolist()
    for c in range(3):
        agreeing = np.flatnonzero((own == 3) & (labels == c))
        mine = labels[picks.positions] == c
        assert set(picks.positions[mine]) <= set(agreeing)
        assert picks.gains[mine].sum() == len(agreeing), "every edited row is stood for"
        # the class alone, edited by hand, under the same ids
        alone = pool_of(rows, labels)
        alone = type(alone)(alone.ids[agreeing], rows[agreeing], np.zeros(len(agreeing), int))
        expected = agreeing[k_medoids(alone, int(quotas[c]), seed).positions]
        assert picks.positions[mine].tolist() == expected.tolist()


@pytest.mark.parametrize("k", [1, 3])
def test_a_class_short_of_agreeing_rows_is_filled_by_own_neighbours_then_id(k):
    rows, labels = blobs(120, 2, 3, 7, spread=0.4)
    own = np.array([counted(rows, labels, i, k) for i in range(120)])
    budget = 100
    picks = enn_k_medoids(pool_of(rows, labels), budget, 0, n_neighbors=k)
    quotas = class_quotas(np.bincount(labels), budget)
    expected = []
    for c in range(3):
        of_class = np.flatnonzero(labels == c)
        assert (own[of_class] == k).sum() < quotas[c], "the example has something to fill"
        order = sorted(of_class.tolist(), key=lambda i: (own[i] < k, -own[i], i))
        expected += order[: quotas[c]]
    assert sorted(picks.positions.tolist()) == sorted(expected)
    filled = own[picks.positions] < k
    assert (np.diff(filled.astype(int)) >= 0).all(), "what is filled in comes last"
    assert picks.gains.tolist() == (~filled).astype(float).tolist()
    ranks = [(-own[p], p) for p in picks.positions[filled]]
    assert ranks == sorted(ranks)


@pytest.mark.parametrize("d", [2, 20])
def test_edits_as_imbalanced_learn_does(d):
    from imblearn.under_sampling import EditedNearestNeighbours

    rows, labels = blobs(400, d, 4, d)
    peer = EditedNearestNeighbours(sampling_strategy="all")
    peer.fit_resample(rows, labels)
    kept = np.flatnonzero(own_neighbours(rows, labels, 3) == 3)
    assert kept.tolist() == sorted(peer.sample_indices_.tolist())


def test_a_row_is_not_its_own_neighbour_among_copies():
    rows = np.repeat(np.array([[0.0], [1.0]], dtype=np.float32), [12, 4], axis=0)
    labels = np.array([0] * 11 + [1] * 5)
    # the twelfth copy has another label: whichever copies are its neighbours, all are of class 0
    assert own_neighbours(rows, labels, 3)[11] == 0
    assert own_neighbours(rows, labels, 3)[12:].tolist() == [3] * 4
    assert own_neighbours(rows, labels, 15).tolist() == [10] * 11 + [4] * 5


def test_a_lonely_row_among_another_class_is_filled_in_and_says_so():
    rows = np.concatenate([np.arange(10.0), [4.4]])
    labels = np.array([0] * 10 + [1])
    picks = enn_k_medoids(pool_of(rows, labels, ("many", "one")), 3, 0)
    assert picks.positions[-1] == 10
    assert picks.gains[-1] == 0
    assert picks.reasons[-1] == (
        "Fills class 'one', of which 0 rows agree with their neighbours and 1 are wanted: 0 of "
        "its 3 neighbours are of its class."
    )
    # 3, 4, 5 and 6 have the lonely row among their three neighbours, or not: by hand
    left = sum(counted(rows[:, None], labels, i, 3) == 3 for i in range(10))
    assert picks.gains.sum() == left
    assert (
        f"of the {left} rows of class 'many' that agree with their neighbours" in picks.reasons[0]
    )


def test_copies_with_different_labels_leave_nothing_and_all_is_filled():
    rows = np.repeat(np.arange(5.0), 2)
    labels = np.arange(10) % 2
    picks = enn_k_medoids(pool_of(rows, labels), 6, 0)
    assert np.bincount(labels[picks.positions]).tolist() == [3, 3]
    assert len(set(picks.positions.tolist())) == 6


@pytest.mark.parametrize("labels", [[0], [0, 0], [0, 1], [0, 1, 1]])
def test_fewer_rows_than_neighbours(labels):
    pool = pool_of(np.arange(len(labels), dtype=float), labels)
    for budget in range(1, len(labels) + 1):
        assert len(set(enn_k_medoids(pool, budget, 0).positions.tolist())) == budget


def test_wrong_neighbours():
    with pytest.raises(ConfigError, match="n_neighbors is 0; give an integer of at least 1"):
        enn_k_medoids(pool_of(np.arange(4.0), [0, 0, 1, 1]), 2, 0, n_neighbors=0)
