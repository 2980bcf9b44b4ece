from itertools import combinations

import numpy as np
import pytest

from sluice.core.errors import ConfigError
from sluice.core.randomness import keyed_bits
from sluice.graphs.instance_graphs.methods import build
from sluice.graphs.instance_graphs.multiview import MultiviewOptions
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


@pytest.mark.parametrize(
    ("agree", "share", "cap"), [(1, 1.0, 90), (2, 0.5, 90), (3, 1.0, 90), (2, 1.0, 5)]
)
def test_edges_equal_brute_force(agree, share, cap):
    ids, rows = table(90, 5)
    hashes = keyed_bits(6, ids)
    codes = [codes_of(rows, 6, 3, view, share) for view in range(3)]

    def found(i, j, view):
        code = codes[view]
        if code[i] != code[j]:
            return False
        kept = sorted(np.flatnonzero(code == code[i]), key=lambda at: hashes[at])[:cap]
        return i in kept and j in kept

    expected = {}
    for i, j in combinations(range(90), 2):
        if sum(found(i, j, view) for view in range(3)) >= agree:
            expected[i, j] = sum(code[i] == code[j] for code in codes) / 3
    graph = build("multiview", ids, rows, seed=6, bits=3, agree=agree, feature_share=share, cap=cap)
    assert edge_set(graph) == pytest.approx(expected)
    assert expected
    assert graph.overlapping
    assert np.array_equal(graph.parts, np.unique(codes[0], return_inverse=True)[1])


@pytest.mark.parametrize("cap", [4, 64])
def test_one_view_is_the_graph_hash(cap):
    ids, rows = table(300, 6)
    one = build("multiview", ids, rows, seed=3, views=1, agree=1, cap=cap)
    flat = build("hash", ids, rows, seed=3, cap=cap)
    assert edge_set(one) == edge_set(flat)
    assert np.array_equal(one.parts, flat.parts)


def test_equal_rows_agree_in_all_views():
    ids, rows = table(30, 4)
    graph = build("multiview", np.append(ids, np.char.add(ids, "b")), np.concatenate([rows, rows]))
    edges = edge_set(graph)
    assert all(edges[i, i + 30] == 1.0 for i in range(30))


@pytest.mark.parametrize(
    "options",
    [{"agree": 0}, {"agree": 4}, {"views": 0}, {"feature_share": 0.0}, {"bits": 0}, {"cap": 1}],
)
def test_options_out_of_range(options):
    with pytest.raises(ConfigError, match="; "):
        MultiviewOptions(**options)
