from itertools import combinations

import numpy as np
import pytest

from sluice.core.errors import ConfigError
from sluice.graphs.instance_graphs.methods import build
from sluice.graphs.instance_graphs.multilevel import MultilevelOptions, prefix_similarity
from sluice.graphs.instance_graphs.projections import codes_of


def table(n, d, seed=0):
    rows = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    return np.array([f"{i:05d}" for i in range(n)]), rows


def edge_set(graph):
    rows = graph.edge_rows()
    once = rows < graph.neighbours
    return {
        (int(i), int(j)): w
        for i, j, w in zip(rows[once], graph.neighbours[once], graph.weights[once], strict=True)
    }


def test_worked_example():
    config = MultilevelOptions(levels=(1, 2, 3), level_weights=(1, 2, 3))
    a, b, c = (np.array([code]) for code in (0b111, 0b110, 0b000))
    assert prefix_similarity(a, b, config).tolist() == [0.5]
    assert prefix_similarity(a, a, config).tolist() == [1.0]
    assert prefix_similarity(a, c, config).tolist() == [0.0]


@pytest.mark.parametrize("threshold", [1 / 6, 0.3, 0.5, 0.51, 1.0])
def test_edges_equal_brute_force(threshold):
    ids, rows = table(150, 5)
    weights, levels = (1, 2, 3), (2, 4, 6)
    codes = [f"{code:06b}" for code in codes_of(rows, 4, 6)]
    expected = {}
    for i, j in combinations(range(150), 2):
        equal = [w for w, b in zip(weights, levels, strict=True) if codes[i][:b] == codes[j][:b]]
        if sum(equal) / 6 >= threshold:
            expected[i, j] = sum(equal) / 6
    graph = build("multilevel", ids, rows, seed=4, levels=levels, threshold=threshold, cap=150)
    assert edge_set(graph) == pytest.approx(expected)
    assert expected


def test_edges_of_a_finer_level_are_edges_of_a_coarser_one():
    ids, rows = table(400, 4)
    options = {"levels": (1, 3, 6), "cap": 400}
    found = [
        edge_set(build("multilevel", ids, rows, threshold=t, **options)) for t in (1 / 6, 0.5, 1.0)
    ]
    assert found[2].keys() < found[1].keys() < found[0].keys()
    # within one graph, and under a cap, too
    capped = build("multilevel", ids, rows, levels=(1, 3, 6), threshold=1 / 6, cap=20)
    codes = codes_of(rows, 0, 6)
    for (i, j), weight in edge_set(capped).items():
        assert codes[i] >> 5 == codes[j] >> 5
        assert (codes[i] >> 3 == codes[j] >> 3) == (weight >= 0.5)
        assert (codes[i] == codes[j]) == (weight == 1.0)


def test_at_the_finest_level_it_is_the_graph_hash():
    ids, rows = table(300, 5)
    fine = build(
        "multilevel", ids, rows, seed=2, levels=(2, 4), level_weights=(1, 1), threshold=1.0
    )
    flat = build("hash", ids, rows, seed=2, bits=4)
    assert edge_set(fine) == edge_set(flat)


@pytest.mark.parametrize(
    ("threshold", "weights", "needed"),
    [(0.5, (1, 2, 3), 1), (0.5, (0.1, 0.2, 0.3), 1), (0.51, (1, 2, 3), 2), (0.1, (1, 2, 3), 0)],
)
def test_the_coarsest_level_that_reaches_the_threshold(threshold, weights, needed):
    assert MultilevelOptions(level_weights=weights, threshold=threshold).needed == needed


def test_the_cap_bounds_the_edges_of_equal_rows():
    ids = np.array([f"{i:05d}" for i in range(500)])
    graph = build("multilevel", ids, np.ones((500, 3), dtype=np.float32), cap=10)
    assert len(graph.neighbours) == 10 * 9
    assert (graph.degrees() == 0).sum() == 490


@pytest.mark.parametrize(
    "options",
    [
        {"levels": ()},
        {"levels": (8, 4, 12)},
        {"levels": (4, 4, 12)},
        {"levels": (4, 8, 63)},
        {"levels": (4, 8)},
        {"level_weights": (1, 0, 3)},
        {"threshold": 0.0},
        {"threshold": 1.5},
        {"cap": 1},
    ],
)
def test_options_out_of_range(options):
    with pytest.raises(ConfigError, match="; "):
        MultilevelOptions(**options)
