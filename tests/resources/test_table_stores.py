"""What the lake holds of tables alone: encoders, and graphs part by part."""

from pathlib import Path

import numpy as np

from resources.lake import Lake
from resources.store import encoders, part_edges
from resources.store.encoders import StoredEncoder
from resources.store.part_edges import StoredPart
from sluice.graphs.instance_graphs.parts import Edges, Part


def part(key: str, positions: list[int], edges: list[tuple[int, int, float]]) -> StoredPart:
    sources, targets, weights = (
        zip(*edges, strict=True) if edges else ([], [], [])  # a part may have no edge
    )
    return StoredPart(
        Part(key, np.array(positions, dtype=np.int64)),
        Edges(
            np.array(sources, dtype=np.int64),
            np.array(targets, dtype=np.int64),
            np.array(weights, dtype=np.float64),
        ),
        f"digest of {key}",
    )


def plain(stored: list[StoredPart]) -> list[tuple[object, ...]]:
    return [
        (
            s.part.key,
            s.input_digest,
            *(a.tolist() for a in (s.part.positions, s.edges.sources, s.edges.targets)),
            s.edges.weights.tolist(),
        )
        for s in stored
    ]


def test_parts_come_back_in_their_order_and_replace_what_was_there(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path))
    assert part_edges.read(lake, "d", "hash") == []
    third = 1 / 3
    # Not in the order of their keys: which part comes first matters to a graph.
    first = [
        part("2/32", [0, 3, 5], [(0, 1, third), (1, 2, 1.0)]),
        part("10/32", [1], []),
        part("1/32", [2, 4], [(0, 1, np.nextafter(0.1, 1))]),
    ]
    part_edges.replace(lake, "d", "hash", first)
    part_edges.replace(lake, "d", "minibatch", first[:1])
    part_edges.replace(lake, "other", "hash", first[1:])
    assert plain(part_edges.read(lake, "d", "hash")) == plain(first)
    found = part_edges.read(lake, "d", "hash")[1]
    assert (found.edges.sources.dtype, found.edges.weights.dtype) == (np.int64, np.float64)
    part_edges.replace(lake, "d", "hash", first[2:])
    assert plain(part_edges.read(lake, "d", "hash")) == plain(first[2:])
    assert plain(part_edges.read(lake, "d", "minibatch")) == plain(first[:1])
    assert plain(part_edges.read(lake, "other", "hash")) == plain(first[1:])
    part_edges.replace(lake, "d", "hash", [])
    assert part_edges.read(lake, "d", "hash") == []
    lake.close()


def test_every_encoder_is_kept_and_the_newest_is_found(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path))
    assert encoders.newest(lake, "d") is None
    first = StoredEncoder("aa", "s1", 10, '{"é": [0.1]}')
    second = StoredEncoder("bb", "s2", 12, "{}")
    for dataset, encoder in (("d", first), ("d", second), ("other", first), ("d", first)):
        encoders.append(lake, dataset, encoder)
    assert encoders.newest(lake, "d") == first
    assert encoders.read(lake, "d", "bb") == second
    assert encoders.read(lake, "other", "bb") is None
    lake.close()
