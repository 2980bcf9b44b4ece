"""Vectors to graphs."""

import dagster as dg
import numpy as np

from assets.inputs import read_rows, read_vectors
from assets.stage import Outcome, digest_of, run_stage
from assets.task import Task
from resources.compute import Compute
from resources.datasets import Datasets
from resources.lake import Lake
from resources.locks import DatasetLock
from resources.store import edges, records
from sluice.data.digests import digest
from sluice.graphs.knn import KnnGraph
from sluice.reports.figures import graph_degree_histogram, to_markdown

VERSION = "1"


def knn_asset(task: Task) -> dg.AssetsDefinition:
    """Build the asset `[task, graphs, knn]`."""
    inputs = [task.key("instances"), task.key("embeddings")]

    @task.asset(
        "graphs",
        "knn",
        deps=inputs,
        kinds={"duckdb", "faiss"},
        pool="gpu",
        version=VERSION,
        table="edges",
        description=(
            "Exact cosine kNN graph of the training rows, c(i, j) = <x_i, x_j>, k = 15 unless "
            "`dataset.yaml` says otherwise, ties by id. FAISS proposes candidates in float32; the "
            "weights that decide are float64 with a fixed order of summation, so that a batch's "
            "shape never changes a bit. `slack` further neighbours per row are kept for patching."
        ),
    )
    def knn(
        context: dg.AssetExecutionContext,
        lake: Lake,
        datasets: Datasets,
        compute: Compute,
        lock: DatasetLock,
    ) -> dg.MaterializeResult:
        dataset = context.partition_key
        config = datasets.config(dataset).graph

        def run(previous: records.Record | None) -> Outcome:
            device = compute.resolve()
            train = read_rows(lake, dataset).of("train")
            vectors = read_vectors(lake, task, dataset, train)
            ids = np.array(train.ids)
            graph = KnnGraph.build(ids, vectors, config.k, config.slack, device=device)
            edges.replace(lake, dataset, "knn", graph)
            listed = graph.neighbours[graph.neighbours >= 0]
            degrees = np.bincount(listed, minlength=len(ids))
            return Outcome(
                content=digest(
                    digest_of(train.ids),
                    graph.neighbours.tobytes().hex(),
                    graph.weights.tobytes().hex(),
                ),
                total=len(ids),
                new=len(ids),
                metadata={
                    "edges": int(listed.size),
                    "mean_cosine": float(graph.weights[graph.neighbours >= 0].mean()),
                    "largest_in_degree": int(degrees.max()),
                    "in_degrees": dg.MetadataValue.md(to_markdown(graph_degree_histogram(degrees))),
                },
                device=device,
            )

        return run_stage(
            context,
            lake,
            inputs=inputs,
            version=VERSION,
            parameters=config.model_dump(),
            compute=run,
        )

    return knn
