"""Neighbour graphs, one row per list, replaced whole.

A change of 1 % touches about half of the lists. Writing all of them and reading them back costs
less than replacing single edges (`benchmarks/results/graph_store.txt`), and leaves no delete file.
"""

from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from resources.lake import Lake
from resources.store.vectors import as_lists
from sluice.graphs.knn import KnnGraph


@dataclass(frozen=True)
class StoredGraph:
    """A graph as it was stored, and what it was made of.

    Attributes
    ----------
    graph : KnnGraph
        Over its own ids, which need not be the present ones.
    input_hashes : list of str, length n
        Keys of the vectors that it was built on.
    parameters : str
        Method version, k and slack.
    """

    graph: KnnGraph
    input_hashes: list[str]
    parameters: str


def replace(
    lake: Lake, dataset: str, name: str, graph: KnnGraph, input_hashes: list[str], parameters: str
) -> None:
    """Make the stored lists (k + slack wide) of one graph equal to `graph`."""
    lists = pa.table(
        {
            "position": np.arange(len(graph.ids), dtype=np.int64),
            "instance_id": pa.array(graph.ids.tolist(), pa.string()),
            "input_hash": pa.array(input_hashes, pa.string()),
            "neighbours": as_lists(graph.lists),
            "weights": as_lists(graph.list_weights),
        }
    )

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.register("lists_now", lists)
        cursor.execute("DELETE FROM graphs WHERE dataset = ? AND graph = ?", [dataset, name])
        cursor.execute(
            "INSERT INTO graphs SELECT ?, ?, ?, position, instance_id, input_hash, neighbours, "
            "weights FROM lists_now ORDER BY position",
            [dataset, name, parameters],
        )

    lake.write(work)


def read(lake: Lake, dataset: str, name: str, k: int, slack: int) -> StoredGraph | None:
    """Return the stored graph, or None where there is none of this width."""
    sql = (
        "position, instance_id, input_hash, parameters, neighbours, weights "
        "FROM graphs WHERE dataset = ? AND graph = ? ORDER BY position"
    )
    rows = lake.read(f"SELECT {sql}", [dataset, name])
    if not _is_one(rows):
        rows = lake.read(f"SELECT DISTINCT {sql}", [dataset, name])
    count = rows.num_rows
    if not _is_one(rows) or not count or len(rows["neighbours"][0]) != k + slack:
        return None
    lists, weights = (
        rows[column].combine_chunks().flatten().to_numpy().reshape(count, -1)
        for column in ("neighbours", "weights")
    )
    ids = np.array(rows["instance_id"].to_pylist(), dtype=np.str_)
    graph = KnnGraph(ids=ids, k=k, slack=slack, lists=lists, list_weights=weights)
    return StoredGraph(graph, rows["input_hash"].to_pylist(), rows["parameters"][0].as_py())


def _is_one(rows: pa.Table) -> bool:
    """Whether the rows are those of one graph, and not of two over each other."""
    return np.array_equal(rows["position"].to_numpy(), np.arange(rows.num_rows))
