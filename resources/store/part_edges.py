"""Graphs of instances, part by part, so that a part that did not change is not made again.

A graph's parts are replaced whole: a row that comes or goes shifts the positions of the others,
and edges are cheaper to write than to make.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as compute
from numpy.typing import NDArray

from resources.lake import Lake
from resources.store.repeats import without_repeats
from sluice.graphs.instance_graphs.parts import Edges, Part

pc: Any = compute


@dataclass(frozen=True)
class StoredPart:
    """One part with its edges, and a digest of all that the edges depend on."""

    part: Part
    edges: Edges
    input_digest: str


def replace(lake: Lake, dataset: str, graph: str, parts: Sequence[StoredPart]) -> None:
    """Make the stored parts of one graph equal to `parts`."""
    table = pa.table(
        {
            "place": np.arange(len(parts), dtype=np.int64),
            "part": pa.array([stored.part.key for stored in parts], pa.string()),
            "input_digest": pa.array([stored.input_digest for stored in parts], pa.string()),
            "positions": _lists([stored.part.positions for stored in parts], np.int64),
            "sources": _lists([stored.edges.sources for stored in parts], np.int64),
            "targets": _lists([stored.edges.targets for stored in parts], np.int64),
            "weights": _lists([stored.edges.weights for stored in parts], np.float64),
        }
    )

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.register("parts_now", table)
        cursor.execute("DELETE FROM part_edges WHERE dataset = ? AND graph = ?", [dataset, graph])
        cursor.execute(
            "INSERT INTO part_edges SELECT ?, ?, place, part, input_digest, positions, sources, "
            "targets, weights FROM parts_now ORDER BY place",
            [dataset, graph],
        )

    lake.write(work)


def read(lake: Lake, dataset: str, graph: str) -> list[StoredPart]:
    """Return the stored parts of one graph in their order; none where it was never made."""
    rows = lake.read(
        "SELECT place, part, input_digest, positions, sources, targets, weights FROM part_edges "
        "WHERE dataset = ? AND graph = ? ORDER BY place",
        [dataset, graph],
    )
    rows = without_repeats(rows, "place")
    columns = [_arrays(rows[name]) for name in ("positions", "sources", "targets", "weights")]
    keys, digests = rows["part"].to_pylist(), rows["input_digest"].to_pylist()
    return [
        StoredPart(Part(key, positions), Edges(sources, targets, weights), digest)
        for key, digest, positions, sources, targets, weights in zip(
            keys, digests, *columns, strict=True
        )
    ]


def _lists(arrays: list[NDArray[np.int64] | NDArray[np.float64]], kind: type) -> pa.LargeListArray:
    offsets = np.concatenate([[0], np.cumsum([len(a) for a in arrays])]).astype(np.int64)
    flat = np.concatenate([*arrays, np.empty(0, kind)]).astype(kind)
    return pa.LargeListArray.from_arrays(offsets, pa.array(flat))


def _arrays(column: pa.ChunkedArray) -> list[NDArray[np.int64]]:
    flat = pc.list_flatten(column).to_numpy()
    ends = np.cumsum(pc.list_value_length(column).to_numpy())
    return np.split(flat, ends[:-1]) if len(ends) else []
