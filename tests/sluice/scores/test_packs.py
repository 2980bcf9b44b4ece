import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.graphs.instance_graphs.instance_graph import InstanceGraph
from sluice.scores.graph_attention.subgraph_batches import packs_of


def graph_of(n, pairs, parts=None, overlapping=False):
    ids = np.array([f"{i:05d}" for i in range(n)])
    ends = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
    parts = np.zeros(n, dtype=np.int64) if parts is None else np.asarray(parts)
    ones = np.ones(len(ends))
    return InstanceGraph.of_edges(ids, ends[:, 0], ends[:, 1], ones, parts, overlapping)


@st.composite
def graphs(draw):
    n = draw(st.integers(1, 30))
    row = st.integers(0, n - 1)
    pairs = draw(st.sets(st.tuples(row, row), max_size=40))
    parts = draw(st.lists(st.integers(0, 4), min_size=n, max_size=n))
    return n, {(min(p), max(p)) for p in pairs if p[0] != p[1]}, parts


def edges_in(packs):
    """Every entry as (attending, attended), by rows of the table."""
    found = []
    for number in range(len(packs)):
        pack = packs.pack(number)
        rows = pack.rows()
        assert (np.diff(pack.begin) > 0).all(), "a row attends to itself at least"
        found += [
            (int(pack.positions[i]), int(pack.positions[j]))
            for i, j in zip(rows, pack.columns, strict=True)
        ]
        # the mirror of (i, j) is (j, i)
        assert np.array_equal(rows[pack.mirror], pack.columns)
        assert np.array_equal(pack.columns[pack.mirror], rows)
    return found


@settings(deadline=None, max_examples=60)
@given(graphs(), st.integers(1, 8))
def test_every_row_is_in_one_pack_with_all_its_edges(content, size):
    n, pairs, parts = content
    packs = packs_of(graph_of(n, pairs, parts), pack=size, whole=1000)
    assert sorted(packs.positions.tolist()) == list(range(n))
    found = edges_in(packs)
    assert len(found) == len(set(found))
    assert set(found) == pairs | {(b, a) for a, b in pairs} | {(i, i) for i in range(n)}
    assert packs.cut == 0


@settings(deadline=None, max_examples=60)
@given(graphs(), st.integers(1, 8))
def test_a_large_component_is_cut_and_its_edges_are_counted(content, size):
    n, pairs, parts = content
    packs = packs_of(graph_of(n, pairs, parts, overlapping=True), pack=size, whole=size)
    assert np.diff(packs.starts).max() <= size
    assert sorted(packs.positions.tolist()) == list(range(n))
    found = set(edges_in(packs))
    home = {}
    for number in range(len(packs)):
        home |= dict.fromkeys(packs.pack(number).positions.tolist(), number)
    inside = {(a, b) for a, b in pairs if home[a] == home[b]}
    assert found == inside | {(b, a) for a, b in inside} | {(i, i) for i in range(n)}
    assert packs.cut == len(pairs) - len(inside)


@pytest.mark.parametrize(("pack", "sizes"), [(2, [2, 2, 2]), (4, [4, 2]), (6, [6])])
def test_small_components_fill_a_pack_in_the_order_of_their_parts(pack, sizes):
    parts = [2, 2, 0, 0, 1, 1]
    packs = packs_of(graph_of(6, {(0, 1), (2, 3), (4, 5)}, parts), pack=pack)
    assert np.diff(packs.starts).tolist() == sizes
    assert packs.positions.tolist() == [2, 3, 4, 5, 0, 1]
