"""The check of a stored graph finds a wrong edge, and no wrong one where there is none."""

from dataclasses import replace

import numpy as np
import pytest

from assets.tabular.graph_checks import differing, sampled
from resources.store.part_edges import StoredPart
from sluice.graphs.instance_graphs.methods import GRAPHS
from sluice.graphs.instance_graphs.parts import Edges


def stored(name: str, rows: np.ndarray) -> list[StoredPart]:
    method = GRAPHS[name]
    ids = np.array([f"row-{i:04d}" for i in range(len(rows))])
    parts = method.partition(ids, rows, None, 0, **method.options)
    return [
        StoredPart(
            p, method.edges(rows[p.positions], ids[p.positions], 0, p.key, **method.options), ""
        )
        for p in parts
    ]


@pytest.mark.parametrize("name", list(GRAPHS))
@pytest.mark.parametrize("columns", [2, 7])
def test_right_edges_pass_and_a_wrong_one_is_found(name: str, columns: int) -> None:
    rng = np.random.default_rng(columns)
    rows = rng.standard_normal((300, columns)).astype(np.float32)
    rows[:20] = rows[20:40]
    method = GRAPHS[name]
    part = sampled(stored(name, rows), method.options.get("cap"))
    assert part is not None
    own = rows[part.part.positions]
    assert not differing(method, part, own).any()

    edges = part.edges
    heavier = edges.weights.copy()
    heavier[0] *= 0.9
    wrong = [
        replace(edges, weights=heavier),
        Edges(edges.sources[1:], edges.targets[1:], edges.weights[1:]),
    ]
    far = np.unravel_index(_farthest(own, edges), (len(own), len(own)))
    if name == "minibatch":
        more = [np.append(a, b) for a, b in zip((edges.sources, edges.targets), far, strict=True)]
        wrong.append(Edges(*more, np.append(edges.weights, 0.5)))
    for spoilt in wrong:
        assert differing(method, replace(part, edges=spoilt), own).sum() == 2


def _farthest(rows: np.ndarray, edges: Edges) -> int:
    apart = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    apart[edges.sources, edges.targets] = apart[edges.targets, edges.sources] = 0
    return int(apart.argmax())


def test_a_bucket_from_which_rows_were_left_out_is_not_sampled() -> None:
    rows = np.zeros((100, 3), dtype=np.float32)
    parts = stored("hash", rows)
    assert len(parts) == 1
    assert sampled(parts, GRAPHS["hash"].options["cap"]) is None
    assert sampled(parts, None) is parts[0]
