"""Graphs of a table's rows, part by part: a part is made again where its own rows changed."""

from typing import Any

import dagster as dg
import numpy as np
from numpy.typing import NDArray

from assets.lineage.inputs import Rows, read_rows, read_vectors, vector_keys
from assets.lineage.stage import (
    Outcome,
    Run,
    Stage,
    digest_of,
    stage,
)
from assets.tabular.graph_checks import of_parts
from resources.store import part_edges
from resources.store.part_edges import StoredPart
from sluice.core.digests import array_digest, digest
from sluice.core.progress import track
from sluice.graphs.instance_graphs.instance_graph import InstanceGraph
from sluice.graphs.instance_graphs.parts import GraphMethod, Part

VERSION = "1"
SEED = 0
QUANTILES = {"least": 0.0, "median": 0.5, "90 %": 0.9, "99 %": 0.99, "largest": 1.0}


def instance_graph(method: GraphMethod) -> Stage:
    """Return the stage `graphs/<graph>`."""

    @stage(
        f"graphs/{method.name}",
        reads=("instances", "embeddings"),
        version=f"{VERSION}.{method.version}",
        tags={"method": method.name},
        table="part_edges",
        checks=of_parts(method),
        description=(
            f"{method.summary} Each part (batch or bucket) is kept under a digest of its rows, so "
            "that a row which comes, goes or changes has only its own part made again."
            f"\n\nFormula: {method.formula}\n\nSource: {method.paper}\n\nCost: {method.cost}"
        ),
        settings=lambda run: {"options": dict(method.options), "seed": SEED},
        replaces=True,
        only_read=True,
    )
    def graph(run: Run) -> Outcome:
        lake, dataset = run.lake, run.dataset
        train = read_rows(lake, dataset).of("train")
        vectors = read_vectors(lake, run.task, dataset, train)
        keys = vector_keys(lake, run.task, dataset, train)
        known = [] if run.is_rebuild else part_edges.read(lake, dataset, method.name)
        stored, fresh = made_parts(method, train, vectors, keys, known)
        part_edges.replace(lake, dataset, method.name, stored)
        parts, edges = [s.part for s in stored], [s.edges for s in stored]
        united = method.unite(np.array(train.ids), parts, edges, **method.options)
        new = len(_rows_of([part for part in parts if part.key in fresh]))
        content = array_digest(united.begin, united.neighbours, united.weights, united.parts)
        return Outcome(
            content=digest(digest_of(train.ids), content),
            total=len(train.ids),
            new=new,
            reused=len(train.ids) - new,
            removed=run.record("instances").rows_removed,
            metadata={
                "parts": len(parts),
                "parts_new": len(fresh),
                "parts_reused": len(parts) - len(fresh),
                **_shown(united),
            },
            details={"ids": digest_of(train.ids)},
        )

    return graph


def made_parts(
    method: GraphMethod,
    train: Rows,
    vectors: NDArray[np.float32],
    keys: list[str],
    known: list[StoredPart],
) -> tuple[list[StoredPart], set[str]]:
    """Return the parts of a graph in their order, and the keys of those that had to be made.

    Parameters
    ----------
    method : GraphMethod
    train : Rows
        Sorted by id.
    vectors : ndarray of float32, shape (n, d)
    keys : list of str, length n
        Digest of all that each vector depends on.
    known : list of StoredPart
        What was made before: its edges stand where its digest is that of a present part.
    """
    before = {(stored.part.key, stored.input_digest): stored.edges for stored in known}
    ids, hashes = np.array(train.ids), np.array(keys)
    parts = method.partition(ids, vectors, train.labels, SEED, **method.options)
    stored: list[StoredPart] = []
    fresh: set[str] = set()
    with track(f"graph {method.name}", len(parts)) as advance:
        for part in parts:
            own, at = ids[part.positions], part.positions
            stamp = _stamp(method, part, own, hashes[at])
            edges = before.get((part.key, stamp))
            if edges is None:
                edges = method.edges(vectors[at], own, SEED, part.key, **method.options)
                fresh.add(part.key)
            stored.append(StoredPart(part, edges, stamp))
            advance()
    return stored, fresh


def _stamp(method: GraphMethod, part: Part, ids: NDArray[np.str_], hashes: NDArray[np.str_]) -> str:
    """Digest all that a part's edges depend on."""
    how = digest_of([VERSION, method.name, method.version, dict(method.options), SEED, part.key])
    return digest(how, *ids.tolist(), *hashes.tolist())


def _rows_of(parts: list[Part]) -> NDArray[np.int64]:
    """Return the rows that are in any of some parts."""
    return np.unique(np.concatenate([np.empty(0, np.int64), *(part.positions for part in parts)]))


def _shown(graph: InstanceGraph) -> dict[str, Any]:
    degrees = graph.degrees()
    return {
        "edges": len(graph.neighbours) // 2,
        "isolated_rows": int((degrees == 0).sum()),
        "mean_weight": float(graph.weights.mean()) if len(graph.weights) else 0.0,
        "degrees": dg.MetadataValue.table(
            [dg.TableRecord({name: int(np.quantile(degrees, q)) for name, q in QUANTILES.items()})]
        ),
    }
