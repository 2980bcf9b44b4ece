"""What every graph of instances keeps: order, seed, parts that stay, and words for bad input."""

import numpy as np
import pytest

from sluice.core.errors import ConfigError, DataError, UnknownNameError
from sluice.graphs.instance_graphs.methods import GRAPHS, build, resolved_options

CASES = [
    ("minibatch", {"batch_size": 64}),
    ("minibatch", {"batch_size": 64, "stratify": "exact"}),
    ("minibatch", {"batch_size": 64, "regime": "budget", "batches": 3}),
    ("hash", {"bits": 4, "cap": 10}),
    ("multilevel", {"levels": (2, 4, 6), "cap": 10}),
    ("multiview", {"bits": 3, "cap": 30}),
]


def table(n=300, d=6, seed=0):
    """Rows with duplicates and ties."""
    rng = np.random.default_rng(seed)
    rows = np.concatenate([rng.normal(size=(n // 2, d)), rng.integers(-1, 2, (n - n // 2, d))])
    ids = np.array([f"row {i}" for i in rng.permutation(n)])
    return ids, rows.astype(np.float32), rng.integers(0, 3, n)


def same(one, other):
    return (
        np.array_equal(one.ids, other.ids)
        and np.array_equal(one.begin, other.begin)
        and np.array_equal(one.neighbours, other.neighbours)
        and one.weights.tobytes() == other.weights.tobytes()
        and np.array_equal(one.parts, other.parts)
        and one.overlapping == other.overlapping
    )


def test_the_four_names():
    assert list(GRAPHS) == ["minibatch", "hash", "multilevel", "multiview"]
    assert all(name == method.name for name, method in GRAPHS.items())


@pytest.mark.parametrize(("name", "options"), CASES)
def test_any_order_of_the_rows_gives_the_same_graph(name, options):
    ids, rows, labels = table()
    graph = build(name, ids, rows, labels, 5, **options)
    assert len(graph.neighbours)
    for seed in (1, 2):
        order = np.random.default_rng(seed).permutation(len(ids))
        other = build(name, ids[order], rows[order], labels[order], 5, **options)
        assert same(other, graph.permuted(order))


@pytest.mark.parametrize(("name", "options"), CASES)
def test_the_seed_decides(name, options):
    ids, rows, labels = table()
    graph = build(name, ids, rows, labels, 5, **options)
    assert same(build(name, ids, rows, labels, 5, **options), graph)
    assert not same(build(name, ids, rows, labels, 6, **options), graph)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_weights_are_symmetric_in_range_and_inside_the_parts(name, options):
    graph = build(name, *table(), 0, **options)
    row, near = graph.edge_rows(), graph.neighbours
    weights = dict(zip(zip(row.tolist(), near.tolist(), strict=True), graph.weights, strict=True))
    assert all(weights[j, i] == w for (i, j), w in weights.items())
    assert ((graph.weights > 0) & (graph.weights <= 1)).all()
    assert (row != near).all()
    assert graph.overlapping or (graph.parts[row] == graph.parts[near]).all()


@pytest.mark.parametrize(("name", "options"), CASES)
def test_edges_of_a_part_are_a_function_of_its_own_rows_in_any_order(name, options):
    method = GRAPHS[name]
    chosen = resolved_options(method, options)
    ids, rows, labels = table()
    for part in method.partition(ids, rows, labels, 4, **chosen):
        inside_rows, inside_ids = rows[part.positions], ids[part.positions]
        order = np.random.default_rng(0).permutation(len(inside_ids))
        found = []
        for turn in (np.arange(len(order)), order):
            edges = method.edges(inside_rows[turn], inside_ids[turn], 4, part.key, **chosen)
            names = np.sort(inside_ids[turn][[edges.sources, edges.targets]], axis=0)
            found.append(dict(zip(zip(*names, strict=True), edges.weights.tolist(), strict=True)))
        assert found[0] == found[1]
        assert len(found[0]) == len(edges.weights)  # each edge once


@pytest.mark.parametrize(
    ("name", "options"), [case for case in CASES if len(case[1]) < 2 or case[0] != "minibatch"]
)
def test_a_row_that_changes_leaves_other_parts_alone(name, options):
    """So the edges of a part need computing again only where its rows changed."""
    method = GRAPHS[name]
    chosen = resolved_options(method, options)
    ids, rows, labels = table()
    changed = rows.copy()
    changed[17] = -3.0 * rows[17] + 0.5
    states = []
    for state in (rows, changed):
        parts = method.partition(ids, state, labels, 0, **chosen)
        states.append(
            {
                part.key: (
                    ids[part.positions].tolist(),
                    method.edges(state[part.positions], ids[part.positions], 0, part.key, **chosen),
                )
                for part in parts
            }
        )
    before, after = states
    touched = 0
    for key in before.keys() | after.keys():
        held = [ids[17] in state[key][0] for state in states if key in state]
        if any(held):
            touched += 1
            continue
        assert before[key][0] == after[key][0]
        for field in ("sources", "targets", "weights"):
            kept, new = (getattr(state[key][1], field) for state in states)
            assert kept.tobytes() == new.tobytes()
    assert touched <= 2 * chosen.get("views", 1)


def test_ids_must_be_unique():
    ids, rows, _ = table(10)
    with pytest.raises(DataError, match="'row 3' occurs twice"):
        build("hash", np.where(ids == "row 4", "row 3", ids), rows)


def test_bad_input_is_named():
    ids, rows, labels = table(10)
    with pytest.raises(
        UnknownNameError, match=r"Unknown graph 'minibach'\. Did you mean minibatch"
    ):
        build("minibach", ids, rows)
    with pytest.raises(UnknownNameError, match=r"option of graph 'hash' 'bit'\. Did you mean bits"):
        build("hash", ids, rows, bit=3)
    for bad in (np.nan, np.inf, -np.inf, 1e300):
        broken = rows.astype(np.float64)
        broken[4, 2] = bad
        with pytest.raises(DataError, match=f"not finite in row '{ids[4]}'"):
            build("hash", ids, broken)
    for wrong in (rows[:9], rows[0], rows[:, :0]):
        with pytest.raises(DataError, match="give one vector for each of 10 rows"):
            build("hash", ids, wrong)
    with pytest.raises(DataError, match="at least one row"):
        build("hash", [], np.empty((0, 3)))
    for wrong in (labels[:9], labels - 5, labels * 0.5):
        with pytest.raises(
            DataError, match=r"Labels h.*(whole number for each of 10 rows|classes from 0)"
        ):
            build("minibatch", ids, rows, wrong)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("hash", {"bits": "8"}),
        ("hash", {"bits": 8.5}),
        ("hash", {"cap": True}),
        ("hash", {"cap": None}),
        ("multilevel", {"levels": 4}),
        ("multilevel", {"levels": ["4"]}),
        ("minibatch", {"tau": "wide"}),
        ("minibatch", {"regime": 1}),
    ],
)
def test_values_of_another_kind_are_refused(name, options):
    with pytest.raises(ConfigError, match="give a value like"):
        resolved_options(GRAPHS[name], options)


def test_options_as_a_file_gives_them():
    found = resolved_options(GRAPHS["multilevel"], {"levels": [2, 4, 6], "cap": np.int64(9)})
    assert found["levels"] == (2, 4, 6)
    assert found["cap"] == 9
    assert resolved_options(GRAPHS["minibatch"], {"tau": 3})["tau"] == 3


@pytest.mark.parametrize("name", list(GRAPHS))
def test_a_single_row_is_a_graph(name):
    graph = build(name, ["only"], np.ones((1, 2)))
    assert len(graph) == 1
    assert graph.degrees().tolist() == [0]
