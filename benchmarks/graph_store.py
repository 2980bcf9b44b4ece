"""Storing a patched graph: all lists whole (ours), against replacing single edges.

``python -m benchmarks.graph_store --rows 50000`` from the root of the repository. A change of 1 %
of the rows exchanges about 1 % of the edges, and touches a fifth to a half of the lists.
"""

from __future__ import annotations

from benchmarks.side_by_side import cpu_seconds, record

# isort: split
import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from resources.lake import Lake
from resources.store import graphs
from sluice.graphs.knn import KnnGraph

WIDTH, K, SEED = 30, 15, 0
EDGES = "dataset VARCHAR, graph VARCHAR, source VARCHAR, target VARCHAR, weight DOUBLE"


def drawn(rows: int) -> KnnGraph:
    """Draw a graph of the right shape; which rows it joins does not matter to a store."""
    rng = np.random.default_rng(SEED)
    ids = np.array([f"{i:016x}-0" for i in range(rows)])
    weights = np.sort(rng.random((rows, WIDTH)), axis=1)[:, ::-1]
    return KnnGraph(ids, K, WIDTH - K, rng.integers(0, rows, (rows, WIDTH)), weights)


def write_edges(lake: Lake, graph: KnnGraph, share: float) -> None:
    """Replace `share` of the edges; all of them the first time."""
    names = pa.array(graph.ids.tolist())
    rng = np.random.default_rng(SEED)
    at = np.flatnonzero(rng.random(graph.lists.size) < share)
    pairs = {
        "source": names.take(pa.array(at // WIDTH)),
        "target": names.take(pa.array(graph.lists.ravel()[at])),
        "weight": graph.list_weights.ravel()[at],
    }

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.register("pairs", pa.table(pairs))
        cursor.execute(
            "DELETE FROM edges WHERE dataset = 'd' AND graph = 'knn' "
            "AND (source, target) IN (SELECT (source, target) FROM pairs)"
        )
        cursor.execute("INSERT INTO edges SELECT 'd', 'knn', source, target, weight FROM pairs")

    lake.write(work)


def read_edges(lake: Lake, graph: KnnGraph) -> None:
    place = pa.table({"id": pa.array(graph.ids.tolist()), "position": range(len(graph.ids))})
    lake.read(
        "SELECT s.position AS source, t.position AS target, e.weight FROM edges e "
        "JOIN place s ON s.id = e.source JOIN place t ON t.id = e.target "
        "WHERE e.dataset = 'd' AND e.graph = 'knn' ORDER BY source, weight DESC",
        given={"place": place},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    graph, keys = drawn(asked.rows), ["0" * 64] * asked.rows
    spent: dict[str, list[float]] = {}

    def timed(name: str, work: Any) -> None:
        spent.setdefault(name, []).append(cpu_seconds(work)[0])

    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(root=str(Path(folder)))
        lake.write(lambda cursor: cursor.execute(f"CREATE TABLE edges ({EDGES})"))
        write_edges(lake, graph, 1.0)
        graphs.replace(lake, "d", "knn", graph, keys, "p")
        for _ in range(asked.rounds):
            timed("lists whole: store", lambda: graphs.replace(lake, "d", "knn", graph, keys, "p"))
            timed("lists whole: load", lambda: graphs.read(lake, "d", "knn", K, WIDTH - K))
            timed("1 % of the edges: store", lambda: write_edges(lake, graph, 0.01))
            timed("all edges: load", lambda: read_edges(lake, graph))
        files = lake.read(
            "SELECT table_name, file_count, delete_file_count FROM ducklake_table_info('lake') "
            "WHERE table_name IN ('edges', 'graphs') ORDER BY table_name"
        ).to_pylist()
        lake.close()
    whole = [a + b for a, b in zip(spent["lists whole: store"], spent["lists whole: load"])]  # noqa: B905
    edges = [a + b for a, b in zip(spent["1 % of the edges: store"], spent["all edges: load"])]  # noqa: B905
    facts: dict[str, Any] = {
        name: f"{statistics.median(seconds):.3f} CPU s" for name, seconds in spent.items()
    }
    facts["data and delete files after the rounds"] = files
    facts["command"] = f"python -m benchmarks.graph_store --rows {asked.rows}"
    title = f"Load and store a graph of {asked.rows} lists of {WIDTH}: lists whole against edges"
    packages = ["duckdb", "duckdb-extension-ducklake", "pyarrow"]
    record("graph_store", title, (whole, edges), facts, packages)


if __name__ == "__main__":
    main()
