import numpy as np
import pytest
from imblearn.under_sampling import CondensedNearestNeighbour
from instance_selection import blobs, own_size, pool_of
from sklearn.neighbors import KNeighborsClassifier

from sluice.core.randomness import keyed_bits
from sluice.subsets.instance_selection.cnn import additions, cnn


def state_of(seed):
    return int(keyed_bits(seed, np.array(["cnn"]))[0] >> np.uint64(32))


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("seed", [0, 1])
def test_keeps_and_orders_as_imbalanced_learn(classes, seed):
    rows, labels = blobs(120, 4, classes, 0, spread=0.8)
    assert len(set(np.bincount(labels).tolist())) == classes, "no tie for the smallest class"
    theirs = CondensedNearestNeighbour(random_state=state_of(seed))
    theirs.fit_resample(rows, labels)
    place, whole = additions(rows, labels, seed)
    assert set(np.flatnonzero(place).tolist()) == set(theirs.sample_indices_.tolist())
    sizes = np.bincount(labels)
    assert sizes[whole] == sizes.min()
    assert (place[labels == whole] == 1).all()
    for c in set(range(classes)) - {whole}:
        order = [p for p in theirs.sample_indices_.tolist() if labels[p] == c]
        assert place[order].tolist() == list(range(1, len(order) + 1))


def test_two_separate_classes_need_one_row_beside_the_smallest_class():
    rows = np.concatenate([np.zeros(9), 10 + np.arange(5)])
    labels = np.repeat([0, 1], [9, 5])
    for seed in range(3):
        kept = own_size(
            lambda pool, budget, _, at=seed: cnn(pool, budget, at), pool_of(rows, labels)
        )
        assert len(kept) == 6
        assert set(range(9, 14)) < kept


def test_a_row_is_added_only_where_the_ones_before_it_are_wrong():
    rows, labels = blobs(150, 3, 2, 3, spread=0.8)
    place, whole = additions(rows, labels, 0)
    other = 1 - whole
    order = np.flatnonzero((place > 0) & (labels == other))
    order = order[np.argsort(place[order])]
    assert len(order) > 3
    for at in range(1, len(order)):
        before = np.concatenate([np.flatnonzero(labels == whole), order[:at]])
        model = KNeighborsClassifier(1).fit(rows[before], labels[before])
        assert model.predict(rows[order[at : at + 1]])[0] != other


@pytest.mark.parametrize("start", [0, 1])
def test_of_equally_small_classes_the_lowest_code_is_whole(start):
    rows, _ = blobs(60, 3, 2, 4, spread=0.8)
    labels = (np.arange(60) + start) % 2
    place, whole = additions(rows, labels, 0)
    assert whole == 0
    assert (place[labels == 0] == 1).all()
    assert 1 < (place[labels == 1] > 0).sum() < 30


def test_ranking_and_reasons():
    rows, labels = blobs(90, 3, 3, 0)
    pool = pool_of(rows, labels, ("a", "b", "c"))
    place, whole = additions(rows, labels, 5)
    picks = cnn(pool, 90, 5)
    assert picks.gains.tolist() == [
        1 / place[p] if place[p] else 0.0 for p in picks.positions.tolist()
    ]
    said = dict(zip(picks.positions.tolist(), picks.reasons, strict=True))
    for position, reason in said.items():
        if labels[position] == whole:
            assert reason.startswith(f"One of all {np.sum(labels == whole)} rows of the smallest")
        elif place[position]:
            assert reason.startswith(f"Place {place[position]} in the order of addition")
        else:
            assert "already get it right: put back" in reason


def test_one_class_is_kept_whole():
    assert own_size(cnn, pool_of([1, 2, 3], [4, 4, 4])) == {0, 1, 2}
