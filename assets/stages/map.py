"""A flat map of all rows, for people to look at."""

import dagster as dg
import numpy as np
from numpy.typing import NDArray

from assets.lineage.inputs import read_rows, read_vectors
from assets.lineage.stage import Outcome, digest_of, run_stage
from assets.lineage.task import Task
from resources.datasets import Datasets
from resources.lake import Lake
from resources.locks import DatasetLock
from resources.store import records, scores
from sluice.core.digests import array_digest, digest
from sluice.reports.projection import project_2d

VERSION = "1"
AXES = ("map_x", "map_y")


def map_asset(task: Task) -> dg.AssetsDefinition:
    """Build the asset `[task, map]`."""
    inputs = [task.key("instances"), task.key("embeddings")]

    @task.asset(
        "map",
        deps=inputs,
        kinds={"duckdb", "numpy"},
        version=VERSION,
        table="scores",
        description=(
            "The first two principal components of all vectors: where a row lies on the maps of "
            "kept and dropped rows. No method reads it."
        ),
    )
    def flat_map(
        context: dg.AssetExecutionContext, lake: Lake, datasets: Datasets, lock: DatasetLock
    ) -> dg.MaterializeResult:
        dataset = context.partition_key

        def run(previous: records.Record | None) -> Outcome:
            present = read_rows(lake, dataset)
            vectors = read_vectors(lake, task, dataset, present)
            place = project_2d(vectors, np.array(present.ids)).astype(np.float64)
            scores.replace(
                lake, dataset, present.ids, {name: place[:, i] for i, name in enumerate(AXES)}
            )
            return Outcome(
                content=digest(digest_of(present.ids), array_digest(place)),
                total=len(place),
                new=len(place),
            )

        return run_stage(
            context, lake, inputs=inputs, version=VERSION, parameters={}, compute=run, replaces=True
        )

    return flat_map


def read_map(lake: Lake, dataset: str, ids: list[str]) -> NDArray[np.float32]:
    """Read where rows lie on the map, shape (n, 2)."""
    columns = [scores.read(lake, dataset, axis, ids) for axis in AXES]
    return np.column_stack(columns).astype(np.float32)
