import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instance_selection import blobs, grids, ranked_others

from sluice.subsets.instance_selection import shrinking
from sluice.subsets.instance_selection.shrinking import Shrinking


def check(lists, rows, width):
    living = np.flatnonzero(lists.alive)
    members = [[] for _ in rows]
    for i in range(len(rows)):
        expected = ranked_others(rows, i, living)[:width]
        assert lists.near[i].tolist() == expected + [-1] * (width - len(expected))
        for j in expected:
            members[j].append(i)
    for j in living:
        assert sorted(lists.members[j]) == members[j]


@pytest.mark.parametrize("spare", [0, 1, 5])
@settings(max_examples=25, deadline=None)
@given(grids(most=20), st.integers(1, 4), st.integers(0, 999))
def test_lists_stay_exact_until_nothing_is_left(spare, table, width, seed):
    rows, _ = table
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shrinking, "SPARE", spare)
        lists = Shrinking(rows, width)
        check(lists, rows, width)
        for row in np.random.default_rng(seed).permutation(len(rows)):
            lists.remove(int(row))
            check(lists, rows, width)


def test_searches_again_are_few(monkeypatch):
    rows, _ = blobs(600, 4, 2, 0)
    asked = []

    def counted(rows, k, queries=None, among=None):
        asked.append(len(rows) if queries is None else len(queries))
        return found(rows, k, queries, among)

    found = shrinking.nearest
    monkeypatch.setattr(shrinking, "nearest", counted)
    lists = Shrinking(rows, 4)
    for row in np.random.default_rng(0).permutation(600)[:570]:
        lists.remove(int(row))
    assert sum(asked) < 4 * 600
