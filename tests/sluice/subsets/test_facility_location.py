import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sluice.subsets.covering.facility_location as module
from sluice.graphs.instance_graphs.instance_graph import InstanceGraph
from sluice.graphs.knn import KnnGraph
from sluice.subsets.contract import Pool
from sluice.subsets.covering.facility_location import facility_location, lazy_greedy, similarities


def graph_of(rows, k):
    rows = np.asarray(rows, dtype=np.float32)
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    ids = np.array([f"{i:05d}" for i in range(len(rows))])
    return KnnGraph.build(ids, rows, k, 0, device="cpu")


def dense(graph):
    """The similarity matrix as its definition says it."""
    n = len(graph)
    w = np.zeros((n, n))
    for i in range(n):
        for j, weight in zip(graph.neighbours[i], graph.weights[i], strict=True):
            if j >= 0:
                w[i, j] = max(w[i, j], min(max(weight, 0.0), 1.0))
                w[j, i] = max(w[j, i], w[i, j])
        w[i, i] = 1.0
    return w


def naive_greedy(w, budget):
    """Every gain at every step, added one by one; ties: lower position."""
    n, picks, gains = len(w), [], []
    covered = [0.0] * n
    for _ in range(budget):
        best, best_gain = -1, -1.0
        for j in range(n):
            if j in picks:
                continue
            gain = 0.0
            for i in range(n):
                gain += max(0.0, w[i, j] - covered[i])
            if gain > best_gain:
                best, best_gain = j, gain
        picks.append(best)
        gains.append(best_gain)
        covered = [max(c, w[i, best]) for i, c in enumerate(covered)]
    return picks, gains


@pytest.mark.parametrize("batch", [1, 5, 128])
def test_lazy_equals_naive_bit_for_bit(batch, monkeypatch):
    monkeypatch.setattr(module, "BATCH", batch)
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(9, 12))
    graph = graph_of(centres[rng.integers(0, 9, 90)] + 0.4 * rng.normal(size=(90, 12)), 6)
    found = lazy_greedy(similarities(graph), 60)
    picks, gains = naive_greedy(dense(graph), 60)
    assert found.positions.tolist() == picks
    assert found.gains.tolist() == gains


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 25), st.integers(1, 6), st.integers(1, 4), st.integers(0, 999))
def test_lazy_equals_naive_among_many_exact_ties(n, k, d, seed):
    rows = np.random.default_rng(seed).integers(-1, 2, size=(n, d))
    rows[~rows.any(axis=1), 0] = 1
    graph = graph_of(rows, k)
    found = lazy_greedy(similarities(graph), n)
    picks, gains = naive_greedy(dense(graph), n)
    assert found.positions.tolist() == picks
    assert found.gains.tolist() == gains


def test_similarities_are_the_symmetric_graph():
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(40, 3))
    rows[5] = rows[6] = rows[7]
    graph = graph_of(rows, 5)
    similar, w = similarities(graph), dense(graph)
    for i in range(40):
        part = slice(similar.begin[i], similar.begin[i + 1])
        assert similar.rows[part].tolist() == np.flatnonzero(w[i]).tolist()
        assert similar.weights[part].tolist() == w[i][w[i] > 0].tolist()


def test_gains_add_up_to_the_objective_and_never_rise():
    graph = graph_of(np.random.default_rng(2).normal(size=(80, 6)), 10)
    picks = facility_location(Pool(graph.ids, graph=graph), 30, 0)
    w = dense(graph)
    assert picks.gains.sum() == pytest.approx(w[:, picks.positions].max(axis=1).sum(), rel=1e-12)
    assert (np.diff(picks.gains) <= 0).all()
    closer = int((w[:, picks.positions[0]] > 0).sum())
    assert picks.reasons[0].startswith(f"Brings {closer} of 80 rows closer")


def test_reaches_its_guarantee():
    from itertools import combinations

    graph = graph_of(np.random.default_rng(3).normal(size=(14, 4)), 5)
    w = dense(graph)
    best = max(w[:, list(s)].max(axis=1).sum() for s in combinations(range(14), 4))
    assert lazy_greedy(similarities(graph), 4).gains.sum() >= (1 - 1 / np.e) * best


def test_fills_up_by_id_once_all_gains_are_zero():
    graph = graph_of(np.repeat(np.eye(3), 3, axis=0), 4)
    picks = facility_location(Pool(graph.ids, graph=graph), 7, 0)
    assert picks.positions.tolist() == [0, 3, 6, 1, 2, 4, 5]
    assert picks.gains.tolist() == [3.0, 3.0, 3.0, 0.0, 0.0, 0.0, 0.0]
    assert picks.reasons[3].startswith("Fills the budget")


def test_a_graph_of_instances_is_taken_as_it_is():
    """a-b .5, b-c .8, d isolated: b covers .5 + 1 + .8, then d itself, a (1 - .5), c (1 - .8)."""
    graph = InstanceGraph.of_edges(
        np.array(list("abcd")),
        np.array([1, 1]),
        np.array([0, 2]),
        np.array([0.5, 0.8]),
        np.zeros(4, dtype=np.int64),
    )
    similar = similarities(graph)
    assert similar.begin.tolist() == [0, 2, 5, 7, 8]
    assert similar.rows.tolist() == [0, 1, 0, 1, 2, 1, 2, 3]
    assert similar.weights.tolist() == [1, 0.5, 0.5, 1, 0.8, 0.8, 1, 1]
    picks = facility_location(Pool(graph.ids, graph=graph), 4, 0)
    assert picks.positions.tolist() == [1, 3, 0, 2]
    assert picks.gains == pytest.approx([2.3, 1, 0.5, 0.2])


def test_a_graph_of_instances_without_edges_keeps_the_lowest_ids():
    none = np.empty(0, dtype=np.int64)
    graph = InstanceGraph.of_edges(np.array(list("abc")), none, none, np.empty(0), np.arange(3))
    picks = facility_location(Pool(graph.ids, graph=graph), 2, 0)
    assert picks.positions.tolist() == [0, 1]
    assert picks.gains.tolist() == [1, 1]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 20), st.integers(0, 60), st.integers(0, 99))
def test_lazy_equals_naive_on_a_graph_of_instances(n, edges, seed):
    rng = np.random.default_rng(seed)
    graph = InstanceGraph.of_edges(
        np.array([f"{i:02d}" for i in range(n)]),
        *rng.integers(0, n, (2, edges)),
        rng.choice([0.25, 0.5, 1.0], edges),
        np.zeros(n, dtype=np.int64),
    )
    w = np.eye(n)
    w[graph.edge_rows(), graph.neighbours] = graph.weights
    found = lazy_greedy(similarities(graph), n)
    picks, gains = naive_greedy(w, n)
    assert found.positions.tolist() == picks
    assert found.gains.tolist() == gains
