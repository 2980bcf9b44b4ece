import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

from sluice.core.errors import ConfigError, DataError
from sluice.graphs.instance_graphs.methods import GRAPHS, build
from sluice.graphs.instance_graphs.minibatch import MinibatchOptions
from sluice.graphs.knn import KnnGraph


def table(n, d, seed=0):
    rows = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    return np.array([f"{i:05d}" for i in range(n)]), rows


def real_table():
    data = load_breast_cancer()
    rows = StandardScaler().fit_transform(data.data).astype(np.float32)
    return np.array([f"{i:05d}" for i in range(len(rows))]), rows, data.target


def edge_set(graph):
    rows = graph.edge_rows()
    once = rows < graph.neighbours
    return {
        (int(i), int(j)): w
        for i, j, w in zip(rows[once], graph.neighbours[once], graph.weights[once], strict=True)
    }


def naive(rows, batches, k, tau=None):
    """The graph as its definition says it."""
    edges = {}
    for batch in batches:
        d = np.linalg.norm(rows[batch, None].astype(float) - rows[batch], axis=2)
        scale = np.median(d[np.triu_indices(len(batch), 1)]) if tau is None else tau
        for a in range(len(batch)):
            near = sorted((b for b in range(len(batch)) if b != a), key=lambda b: (d[a, b], b))
            for b in near[:k]:
                pair = (int(min(batch[a], batch[b])), int(max(batch[a], batch[b])))
                edges[pair] = max(edges.get(pair, 0.0), float(np.exp(-d[a, b] / scale)))
    return edges


@pytest.mark.parametrize("options", [{}, {"tau": 2.5}, {"stratify": "exact"}, {"k": 500}])
def test_edges_equal_brute_force(options):
    ids, rows, labels = real_table()
    graph = build("minibatch", ids, rows, labels, 1, batch_size=100, **options)
    batches = [np.flatnonzero(graph.parts == part) for part in range(graph.parts.max() + 1)]
    assert len(batches) == (6 if "stratify" in options else 8)
    expected = naive(rows, batches, options.get("k", 10), options.get("tau"))
    # the median is measured on a grid of 22 bits
    assert edge_set(graph) == pytest.approx(expected, rel=1e-6)
    assert not graph.overlapping


def test_one_batch_with_all_neighbours_is_the_complete_graph():
    """Against an exhaustive search by FAISS."""
    faiss = pytest.importorskip("faiss")
    ids, rows = table(200, 12)
    index = faiss.IndexFlatL2(12)
    index.add(rows)
    squares, places = index.search(rows, 200)
    graph = build("minibatch", ids, rows, batch_size=200, k=199, tau=3.0)
    assert (graph.degrees() == 199).all()
    weights = np.ones((200, 200))
    weights[graph.edge_rows(), graph.neighbours] = graph.weights
    found = np.exp(-np.sqrt(np.maximum(squares, 0)) / 3.0)
    away = places != np.arange(200)[:, None]
    row = np.repeat(np.arange(200), 200).reshape(200, 200)
    assert found[away] == pytest.approx(weights[row[away], places[away]], abs=1e-5)


def test_on_rows_of_length_one_it_is_the_cosine_graph():
    """|x - y|^2 = 2 - 2 cos: the same neighbours as those of the exact kNN graph."""
    ids, rows = table(150, 9)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    graph = build("minibatch", ids, rows, k=5, tau=1.0)
    cosine = KnnGraph.build(ids, rows, 5, 0, device="cpu")
    pairs = {(min(i, j), max(i, j)) for i in range(150) for j in cosine.neighbours[i].tolist()}
    assert edge_set(graph).keys() == pairs


@pytest.mark.parametrize("batch_size", [4, 1024])
def test_equal_rows_have_weight_one(batch_size):
    ids = np.array([f"{i:05d}" for i in range(50)])
    graph = build("minibatch", ids, np.full((50, 3), 2.5, dtype=np.float32), batch_size=batch_size)
    assert len(graph.weights)
    assert (graph.weights == 1.0).all()


def test_mostly_equal_rows_keep_a_scale():
    """The median distance is 0; that of the distances above 0 is 5."""
    rows = np.zeros((30, 2), dtype=np.float32)
    rows[0] = 3, 4
    graph = build("minibatch", [f"{i:02d}" for i in range(30)], rows, k=3)
    first = graph.weights[graph.begin[0] : graph.begin[1]]
    assert first == pytest.approx([np.exp(-1)] * 3)
    assert (graph.weights[graph.begin[1] + 1 : graph.begin[2]] == 1.0).all()


def test_ties_go_to_the_lower_id_in_any_order_of_the_rows():
    """A square: each corner has two neighbours at the same distance."""
    rows = np.array([[0, 0], [0, 1], [1, 1], [1, 0]], dtype=np.float32)
    edges = edge_set(build("minibatch", list("abcd"), rows, k=1))
    assert edges.keys() == {(0, 1), (1, 2), (0, 3)}
    turned = build("minibatch", list("dcba"), rows[::-1], k=1)
    assert edge_set(turned).keys() == {(2, 3), (1, 2), (0, 3)}


def test_far_rows_keep_a_weight_above_zero():
    rows = np.array([[0], [1e-3], [2e-3], [1e30]], dtype=np.float32)
    graph = build("minibatch", list("abcd"), rows, tau=1e-3)
    assert (graph.weights > 0).all()


def test_a_row_alone_in_its_batch_is_isolated():
    graph = build("minibatch", *table(7, 2), batch_size=2)
    alone = np.bincount(graph.parts)[graph.parts] == 1
    assert alone.any()
    assert np.array_equal(graph.degrees() == 0, alone)


def test_budget_draws_batches_and_isolates_rows_never_drawn():
    ids, rows, labels = real_table()
    options = {"regime": "budget", "batches": 3, "batch_size": 60}
    graph = build("minibatch", ids, rows, labels, 2, **options)
    method = GRAPHS["minibatch"]
    parts = method.partition(ids, rows, labels, 2, **{**method.options, **options})
    expected = naive(rows, [part.positions for part in parts], 10)
    assert edge_set(graph) == pytest.approx(expected, rel=1e-6)
    drawn = np.isin(np.arange(len(ids)), np.concatenate([part.positions for part in parts]))
    assert (graph.parts[~drawn] == 3).all()
    assert (graph.degrees()[~drawn] == 0).all()
    assert (graph.degrees()[drawn] >= 10).all()
    assert graph.overlapping


def test_stratified_batches_need_labels():
    for options in ({"stratify": "exact"}, {"regime": "budget", "batches": 2}):
        with pytest.raises(DataError, match="give labels"):
            build("minibatch", *table(20, 2), **options)


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 1},
        {"k": 0},
        {"tau": 0.0},
        {"tau": float("inf")},
        {"regime": "all"},
        {"stratify": "no"},
        {"regime": "budget"},
        {"regime": "budget", "batches": 0},
        {"regime": "budget", "batches": 1.5},
        {"batches": 3},
    ],
)
def test_options_out_of_range(options):
    with pytest.raises(ConfigError, match="; "):
        MinibatchOptions(**options)
