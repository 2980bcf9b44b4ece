from itertools import combinations

import numpy as np
import pytest

from sluice.core.errors import ConfigError
from sluice.core.randomness import keyed_bits
from sluice.graphs.instance_graphs.hashed import HashOptions
from sluice.graphs.instance_graphs.methods import build
from sluice.graphs.instance_graphs.projections import codes_of


def table(n, d, seed=0):
    rows = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    return np.array([f"{i:05d}" for i in range(n)]), rows


def edge_set(graph):
    rows = graph.edge_rows()
    once = rows < graph.neighbours
    return dict(
        zip(
            zip(graph.ids[rows[once]], graph.ids[graph.neighbours[once]], strict=True),
            graph.weights[once].tolist(),
            strict=True,
        )
    )


@pytest.mark.parametrize(("bits", "cap"), [(3, 1000), (5, 4), (1, 2)])
def test_edges_are_the_pairs_of_each_capped_bucket(bits, cap):
    ids, rows = table(120, 4)
    codes = codes_of(rows, 7, bits)
    hashes = keyed_bits(7, ids)
    expected = set()
    for code in set(codes.tolist()):
        members = sorted(np.flatnonzero(codes == code), key=lambda i: hashes[i])[:cap]
        expected |= {tuple(sorted((ids[i], ids[j]))) for i, j in combinations(members, 2)}
    graph = build("hash", ids, rows, seed=7, bits=bits, cap=cap)
    assert edge_set(graph) == dict.fromkeys(expected, 1.0)
    assert np.array_equal(np.unique(codes, return_inverse=True)[1], graph.parts)
    sizes = np.bincount(graph.parts)
    single = np.count_nonzero(sizes == 1)  # a row alone in its bucket is isolated too
    isolated = np.count_nonzero(graph.degrees() == 0)
    assert isolated == 120 - np.minimum(sizes, cap).sum() + single


def test_equal_rows_are_always_joined():
    ids, rows = table(40, 6)
    graph = build("hash", np.append(ids, np.char.add(ids, "b")), np.concatenate([rows, rows]))
    assert all((name, name + "b") in edge_set(graph) for name in ids)


def test_a_row_alone_in_its_bucket_is_isolated():
    rows = np.array([[1, 1], [1, 1.01], [-1, -1]], dtype=np.float32)
    graph = build("hash", ["a", "b", "c"], rows)
    assert graph.degrees().tolist() == [1, 1, 0]


@pytest.mark.parametrize("options", [{"bits": 0}, {"bits": 63}, {"cap": 1}])
def test_options_out_of_range(options):
    with pytest.raises(ConfigError, match="; "):
        HashOptions(**options)
    with pytest.raises(ConfigError):
        build("hash", *table(5, 2), **options)
