"""The kNN graph of a dataset, as one row per edge."""

import duckdb
import numpy as np
import pyarrow as pa

from resources.lake import Lake
from sluice.graphs.knn import KnnGraph


def replace(lake: Lake, dataset: str, name: str, graph: KnnGraph) -> None:
    """Make the stored lists (k + slack wide) of one graph equal to `graph`."""
    width = graph.lists.shape[1]
    present = graph.lists.ravel() >= 0
    sources = np.repeat(np.arange(len(graph.ids), dtype=np.int64), width)[present]
    ids = pa.array(graph.ids.astype(str).tolist(), pa.string())
    edges = pa.table(
        {
            "source": ids.take(pa.array(sources)),
            "target": ids.take(pa.array(graph.lists.ravel()[present])),
            "rank": np.tile(np.arange(width, dtype=np.int32), len(graph.ids))[present],
            "weight": graph.list_weights.ravel()[present],
        }
    )

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.register("edges_now", edges)
        cursor.execute("DELETE FROM edges WHERE dataset = ? AND graph = ?", [dataset, name])
        cursor.execute(
            "INSERT INTO edges SELECT ?, ?, source, target, rank, weight FROM edges_now",
            [dataset, name],
        )

    lake.write(work)


def read(lake: Lake, dataset: str, name: str, ids: list[str], k: int, slack: int) -> KnnGraph:
    """Return the stored graph over `ids`, which must be the rows that it was built on."""
    order = pa.table({"id": pa.array(ids, pa.string()), "position": np.arange(len(ids))})
    rows = lake.read(
        "SELECT s.position AS source, t.position AS target, e.rank, e.weight FROM edges e "
        "JOIN place s ON s.id = e.source JOIN place t ON t.id = e.target "
        "WHERE e.dataset = ? AND e.graph = ?",
        [dataset, name],
        given={"place": order},
    )
    lists = np.full((len(ids), k + slack), -1, dtype=np.int64)
    weights = np.full((len(ids), k + slack), -np.inf)
    at = rows["source"].to_numpy(), rows["rank"].to_numpy()
    lists[at] = rows["target"].to_numpy()
    weights[at] = rows["weight"].to_numpy()
    return KnnGraph(ids=np.array(ids), k=k, slack=slack, lists=lists, list_weights=weights)
