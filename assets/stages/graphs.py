"""Vectors to graphs: patched where little changed, built where much did or nothing is stored."""

from typing import Any

import dagster as dg
import numpy as np
from numpy.typing import NDArray

from assets.lineage import checks
from assets.lineage.inputs import read_rows, read_vectors, vector_keys
from assets.lineage.stage import Outcome, Run, Stage, digest_of, stage
from resources.store import graphs
from resources.store.graphs import StoredGraph
from sluice.core.digests import array_digest, digest
from sluice.graphs.knn import KnnGraph

VERSION = "2"
QUANTILES = {"least": 0.0, "median": 0.5, "90 %": 0.9, "99 %": 0.99, "largest": 1.0}


def knn(*, only_read: bool = False) -> Stage:
    """Return the stage `graphs/knn`."""
    return stage(
        "graphs/knn",
        reads=("instances", "embeddings"),
        resources=("compute",),
        kinds=("duckdb", "faiss"),
        gpu=True,
        version=VERSION,
        table="graphs",
        checks=(checks.OF_GRAPH,),
        description=(
            "Exact cosine kNN graph of the training rows, c(i, j) = <x_i, x_j>, k = 15 unless "
            "`dataset.yaml` says otherwise, ties by id. FAISS proposes candidates in float32; the "
            "weights that decide are float64 with a fixed order of summation, so that a batch's "
            "shape never changes a bit. `slack` further neighbours per row are kept, so that a "
            "change of some rows is merged into the stored graph, with the result of a rebuild."
        ),
        settings=lambda run: run.config.graph.model_dump(),
        replaces=True,
        only_read=only_read,
    )(_knn)


def _knn(run: Run) -> Outcome:
    lake, dataset, k, slack = run.lake, run.dataset, run.config.graph.k, run.config.graph.slack
    train = read_rows(lake, dataset).of("train")
    ids, vectors = np.array(train.ids), read_vectors(lake, run.task, dataset, train)
    keys = vector_keys(lake, run.task, dataset, train)
    parameters = f"version {VERSION}, k {k}, slack {slack}"
    stored = graphs.read(lake, dataset, "knn", k, slack)
    if stored is None or stored.parameters != parameters or run.is_rebuild:
        graph = KnnGraph.build(ids, vectors, k, slack, device=run.device)
        made: dict[str, Any] = {"new": len(ids), "metadata": {"made": "built"}}
    else:
        graph, made = _patched(stored, ids, keys, vectors, run.device)
    graphs.replace(lake, dataset, "knn", graph, keys, parameters)
    metadata = made.pop("metadata")
    return Outcome(
        # The slack is left out: it wears off, what is published does not.
        content=digest(digest_of(train.ids), array_digest(graph.neighbours, graph.weights)),
        total=len(ids),
        **made,
        metadata={**_shown(graph), **metadata},
        device=run.device,
    )


def _patched(
    stored: StoredGraph,
    ids: NDArray[np.str_],
    keys: list[str],
    vectors: NDArray[np.float32],
    device: str,
) -> tuple[KnnGraph, dict[str, Any]]:
    """Merge what changed since the stored graph was made into it."""
    before = dict(zip(stored.graph.ids.tolist(), stored.input_hashes, strict=True))
    changed = [row for row, key in zip(ids.tolist(), keys, strict=True) if before.get(row) != key]
    removed = len(before.keys() - set(ids.tolist()))
    graph, counts = stored.graph.patch_counted(ids, vectors, changed, device=device)
    return graph, {
        "new": len(changed),
        "reused": len(ids) - len(changed),
        "removed": removed,
        "metadata": {
            "made": "built anew" if counts.built else "patched",
            "lists_touched": counts.touched,
            "lists_searched_again": counts.searched,
        },
    }


def _shown(graph: KnnGraph) -> dict[str, Any]:
    listed = graph.neighbours >= 0
    degrees = np.bincount(graph.neighbours[listed], minlength=len(graph.ids))
    return {
        "edges": int(listed.sum()),
        "mean_cosine": float(graph.weights[listed].mean()) if listed.any() else 0.0,
        # How many rows count a row among their nearest: hubs have many, lone rows none.
        "in_degrees": dg.MetadataValue.table(
            [dg.TableRecord({name: int(np.quantile(degrees, q)) for name, q in QUANTILES.items()})]
        ),
    }
