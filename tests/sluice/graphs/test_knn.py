import numpy as np
import pytest
from graph_oracle import brute_force, unit
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.core.errors import ConfigError, DataError
from sluice.graphs import candidates
from sluice.graphs.candidates import candidate_search, score_error
from sluice.graphs.knn import KnnGraph, id_ranks


def random_ids(n, rng):
    return np.array([f"row-{v:05d}" for v in rng.permutation(n)])


def assert_exact(graph, ids, x):
    lists, weights = brute_force(ids, x, graph.k + graph.slack)
    assert np.array_equal(graph.lists, lists)
    assert np.array_equal(graph.list_weights, weights)
    assert np.array_equal(graph.neighbours, lists[:, : graph.k])
    assert np.array_equal(graph.weights, weights[:, : graph.k])


def shapes_of_data(name, rng):
    if name == "spread":
        return rng.normal(size=(260, 20))
    if name == "two hundred copies":
        x = rng.normal(size=(260, 20))
        x[30:230] = x[7]
        return x
    if name == "near ties":  # cosines that float32 cannot tell apart
        return 1.0 + 1e-3 * rng.normal(size=(200, 20))
    return rng.integers(0, 2, size=(200, 5)) + 0.001 * np.eye(5)[0]  # "few distinct rows"


@pytest.mark.parametrize(
    "shape", ["spread", "two hundred copies", "near ties", "few distinct rows"]
)
@pytest.mark.parametrize(("k", "slack"), [(15, 15), (3, 0)])
def test_equals_brute_force(shape, k, slack):
    rng = np.random.default_rng(5)
    x = unit(shapes_of_data(shape, rng))
    ids = random_ids(len(x), rng)
    assert_exact(KnnGraph.build(ids, x, k, slack, device="cpu"), ids, x)


@pytest.mark.parametrize("n", [1, 2, 3, 15, 16, 17, 30, 31, 32, 39, 40, 41])
def test_few_rows_are_padded(n):
    rng = np.random.default_rng(n)
    x, ids = unit(rng.normal(size=(n, 6))), random_ids(n, rng)
    assert_exact(KnnGraph.build(ids, x, device="cpu"), ids, x)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 40), st.integers(1, 12), st.integers(0, 5), st.integers(1, 4), st.integers(0, 99)
)
def test_equals_brute_force_on_coarse_grids(n, k, slack, d, seed):
    rng = np.random.default_rng(seed)
    grid = rng.integers(-1, 2, size=(n, d))
    grid[~grid.any(axis=1), 0] = 1
    x, ids = unit(grid), random_ids(n, rng)
    assert_exact(KnnGraph.build(ids, x, k, slack, device="cpu"), ids, x)


def test_ties_go_by_id():
    x = unit([[1, 0], [1, 0], [1, 0], [0, 1]])
    graph = KnnGraph.build(["d", "b", "c", "a"], x, k=2, slack=0, device="cpu")
    assert graph.neighbours.tolist() == [[1, 2], [2, 0], [1, 0], [1, 2]]


def test_block_size_is_no_parameter_of_the_result(monkeypatch):
    rng = np.random.default_rng(2)
    x = unit(rng.normal(size=(3000, 48)))
    x[100:160] = x[0]
    ids = random_ids(3000, rng)
    whole = KnnGraph.build(ids, x, device="cpu", block=100_000)
    monkeypatch.setattr(candidates, "BLAS_FLOATS", 1)
    for block in (1000, 7):
        parts = KnnGraph.build(ids, x, device="cpu", block=block)
        assert np.array_equal(parts.lists, whole.lists)
        assert np.array_equal(parts.list_weights, whole.list_weights)


def test_permuted_equals_a_rebuild():
    rng = np.random.default_rng(4)
    x, ids = unit(rng.integers(-1, 2, size=(25, 4)) + 0.01), random_ids(25, rng)
    order = rng.permutation(25)
    for k in (4, 30):
        moved = KnnGraph.build(ids, x, k, 2, device="cpu").permuted(order)
        again = KnnGraph.build(ids[order], x[order], k, 2, device="cpu")
        assert np.array_equal(moved.ids, again.ids)
        assert np.array_equal(moved.lists, again.lists)
        assert np.array_equal(moved.list_weights, again.list_weights)


def test_id_ranks_compare_as_ids_do():
    ids = np.array(["b", "a10", "a2", "", "é"])
    assert id_ranks(ids).tolist() == [3, 1, 2, 0, 4]


@pytest.mark.parametrize("d", [8, 384, 1024])
def test_candidates_are_within_the_stated_error_and_complete(d):
    x = unit(np.random.default_rng(d).normal(size=(900, d)))
    exact = x.astype(np.float64) @ x.astype(np.float64).T
    engines = [candidate_search(x, 30, "cpu"), candidates._torch(x, 30, "cpu")]
    for search in engines:
        scores, found = search(x[:500])
        assert np.abs(scores - np.take_along_axis(exact[:500], found, 1)).max() <= score_error(d)
        assert (np.diff(scores, axis=1) <= 0).all()
        thirtieth = np.sort(exact[:500], axis=1)[:, -30]
        assert (np.abs(scores[:, -1] - thirtieth) <= 2 * score_error(d)).all()


def test_torch_joins_its_column_tiles(monkeypatch):
    monkeypatch.setattr(candidates, "TORCH_COLUMNS", 64)
    x = unit(np.random.default_rng(0).normal(size=(300, 12)))
    _, found = candidates._torch(x, 10, "cpu")(x)
    best = np.argsort(-(x.astype(np.float64) @ x.astype(np.float64).T), axis=1)[:, :10]
    assert np.array_equal(found, best)


@pytest.mark.gpu
def test_cuda_gives_the_same_graph():
    rng = np.random.default_rng(11)
    x = unit(rng.normal(size=(5000, 384)))
    x[1000:1200] = x[0]
    ids = random_ids(5000, rng)
    cpu = KnnGraph.build(ids, x, device="cpu")
    cuda = KnnGraph.build(ids, x, device="cuda")
    assert np.array_equal(cpu.lists, cuda.lists)
    assert np.array_equal(cpu.list_weights, cuda.list_weights)


def test_errors_say_what_is_wrong():
    x = unit(np.eye(3))
    with pytest.raises(DataError, match="'a' occurs twice"):
        KnnGraph.build(["a", "a", "b"], x)
    with pytest.raises(DataError, match="not finite in row 'b'"):
        KnnGraph.build(["a", "b", "c"], np.array([[1, 0], [np.nan, 0], [1, 0]], dtype=np.float32))
    with pytest.raises(DataError, match=r"'c' has the length 2, not 1"):
        KnnGraph.build(["a", "b", "c"], x * np.array([[1], [1], [2]], dtype=np.float32))
    with pytest.raises(DataError, match="one vector for each of 2 rows"):
        KnnGraph.build(["a", "b"], x)
    with pytest.raises(ConfigError, match="k is 0"):
        KnnGraph.build(["a", "b", "c"], x, k=0)
    with pytest.raises(ConfigError, match="device is 'tpu'"):
        KnnGraph.build(["a", "b", "c"], x, device="tpu")
