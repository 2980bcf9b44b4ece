import numpy as np

from sluice.graphs.instance_graphs.parts import (
    Edges,
    Part,
    first_part,
    grouped,
    joined,
    unite_disjoint,
)


def test_grouped_is_a_partition_in_the_order_of_the_codes():
    codes = np.array([5, 2, 5, 9, 2, 2])
    parts = grouped(codes, lambda code: f"code {code}")
    assert [(part.key, part.positions.tolist()) for part in parts] == [
        ("code 2", [1, 4, 5]),
        ("code 5", [0, 2]),
        ("code 9", [3]),
    ]
    assert grouped(np.array([-1, -1]), str)[0].positions.tolist() == [0, 1]


def test_a_row_in_no_part_gets_an_index_of_its_own_and_one_in_two_the_first():
    parts = [Part("a", np.array([1, 2])), Part("b", np.array([2, 4]))]
    assert first_part(5, parts).tolist() == [2, 0, 0, 2, 1]


def test_edges_are_moved_to_the_whole_table():
    parts = [Part("a", np.array([0, 3])), Part("b", np.array([1, 2, 4]))]
    none = np.empty(0, dtype=np.int64)
    edges = [
        Edges(np.array([0]), np.array([1]), np.array([0.5])),
        Edges(np.array([2, 0]), np.array([0, 1]), np.array([0.25, 1.0])),
    ]
    every = joined(parts, edges)
    assert every.sources.tolist() == [0, 4, 1]
    assert every.targets.tolist() == [3, 1, 2]
    graph = unite_disjoint(np.array(list("abcde")), parts, edges, cap=3)
    assert graph.degrees().tolist() == [1, 2, 1, 1, 1]
    assert graph.parts.tolist() == [0, 1, 1, 0, 1]
    assert joined([parts[0]], [Edges(none, none, np.empty(0))]).sources.dtype == np.int64
    assert len(joined([], []).weights) == 0
