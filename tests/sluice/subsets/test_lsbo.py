import numpy as np
from hypothesis import given, settings
from instance_selection import blobs, grids, local_set, own_size, pool_of
from sklearn.neighbors import KNeighborsClassifier

from sluice.subsets.instance_selection.lsbo import lsbo
from sluice.subsets.instance_selection.lss import lss


def naive(rows, labels):
    n = len(rows)
    first = [local_set(rows, labels, i, range(n)) for i in range(n)]
    left = [
        j
        for j in range(n)
        if sum(j in inside for inside, _ in first) >= sum(enemy == j for _, enemy in first)
    ]
    sets = {i: local_set(rows, labels, i, left)[0] for i in left}
    kept = set()
    for i in sorted(left, key=lambda i: (len(sets[i]), i)):
        if not sets[i] & kept:
            kept.add(i)
    return left, sets, kept


@settings(max_examples=80, deadline=None)
@given(grids())
def test_is_the_naive_border_selector(table):
    rows, labels = table
    left, sets, kept = naive(rows, labels)
    pool = pool_of(rows, labels)
    assert own_size(lsbo, pool) == kept
    picks = lsbo(pool, len(rows), 0)
    where = {p: at for at, p in enumerate(picks.positions.tolist())}
    for p in left:
        assert picks.gains[where[p]] == sum(p in inside for inside in sets.values())
    # in each class: kept, then the smoothed, then what smoothing dropped
    stage = [0 if p in kept else 1 if p in set(left) else 2 for p in picks.positions.tolist()]
    for c in np.unique(labels):
        assert (np.diff(np.array(stage)[labels[picks.positions] == c]) >= 0).all()


def test_every_smoothed_row_has_a_kept_row_in_its_local_set():
    rows, labels = blobs(250, 4, 3, 0)
    pool = pool_of(rows, labels)
    left, kept = sorted(own_size(lss, pool)), sorted(own_size(lsbo, pool))
    assert len(kept) < len(left) / 2
    assert set(kept) <= set(left)
    for i in left:
        assert local_set(rows, labels, i, left)[0] & set(kept)
    # so 1-NN on the kept rows gets every smoothed row right
    model = KNeighborsClassifier(1).fit(rows[kept], labels[kept])
    assert model.score(rows[left], labels[left]) == 1


def test_reasons():
    pool = pool_of([0, 1, 2, 3, 1.4, 9, 10], [0, 0, 0, 0, 1, 1, 1])
    picks = lsbo(pool, 7, 0)
    reason = picks.reasons[picks.positions.tolist().index(4)]
    assert reason.startswith("Smoothed out, in 1 local sets and nearest enemy of 4 rows: put back")
    assert picks.reasons[0].startswith("In the local sets of 3 rows: number 1 of the 1 that")
