import numpy as np
from hypothesis import given, settings
from instance_selection import grids, local_set, own_size, pool_of

from sluice.subsets.instance_selection.lss import lss


@settings(max_examples=80, deadline=None)
@given(grids())
def test_keeps_what_is_at_least_as_useful_as_harmful(table):
    rows, labels = table
    n = len(rows)
    sets = [local_set(rows, labels, i, range(n)) for i in range(n)]
    useful = [sum(j in inside for inside, _ in sets) for j in range(n)]
    harmful = [sum(enemy == j for _, enemy in sets) for j in range(n)]
    pool = pool_of(rows, labels)
    assert own_size(lss, pool) == {j for j in range(n) if useful[j] >= harmful[j]}
    picks = lss(pool, n, 0)
    assert picks.gains.tolist() == [useful[p] - harmful[p] for p in picks.positions.tolist()]
    for c in np.unique(labels):
        assert (np.diff(picks.gains[labels[picks.positions] == c]) <= 0).all()


def test_an_intruder_goes_and_so_does_the_last_row_that_faces_it():
    pool = pool_of([0, 1, 2, 3, 1.4, 9, 10], [0, 0, 0, 0, 1, 1, 1])
    # row 3 is in its own local set alone, and the nearest enemy of 9 and of 10
    assert own_size(lss, pool) == {0, 1, 2, 5, 6}
    picks = lss(pool, 7, 0)
    said = dict(zip(picks.positions.tolist(), picks.reasons, strict=True))
    assert said[4].startswith("In 1 local sets and nearest enemy of 4 rows: put back")
    assert said[3].startswith("In 1 local sets and nearest enemy of 2 rows: put back")
    assert picks.positions.tolist().index(4) > max(
        picks.positions.tolist().index(p) for p in (5, 6)
    )


def test_rows_equal_to_an_enemy_are_in_no_local_set():
    pool = pool_of([0, 0, 0, 5], [0, 1, 1, 0])
    # row 0 is the nearest enemy of both copies, row 1 of row 0 and row 3; row 2 of no one
    assert own_size(lss, pool) == {2, 3}
