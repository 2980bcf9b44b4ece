"""Rows of a table to vectors by its encoder: only contents that it has not encoded before."""

from collections.abc import Iterator

import dagster as dg
import numpy as np

from assets.lineage.inputs import read_rows
from assets.lineage.stage import Outcome, inputs_of, name_of, run_stage
from assets.lineage.task import Task
from assets.stages import checks
from assets.stages.embeddings import Shard, embed_missing
from resources.datasets import Datasets
from resources.lake import Lake
from resources.locks import DatasetLock
from resources.store import encoders, records
from sluice.core.errors import SluiceError
from sluice.encoders.tabular import TabularEncoder

VERSION = "1"
SHARD_ROWS = 16_384


def encoded_asset(task: Task) -> dg.AssetsDefinition:
    """Build the asset `[task, embeddings]` of tables."""
    instances, encoder = task.key("instances"), task.key("encoder")

    @task.asset(
        "embeddings",
        deps=[instances, encoder],
        kinds={"duckdb", "numpy"},
        version=VERSION,
        table="embeddings",
        checks=checks.of_encoded(task),
        description=(
            "Features of all rows, float32, standardised over the rows that the encoder was "
            "fitted on and not of unit length. Keyed by a digest of the row's content and of the "
            "encoder, so a content is encoded once by each encoder; committed shard by shard, so "
            "a killed run resumes."
        ),
    )
    def embeddings(
        context: dg.AssetExecutionContext, lake: Lake, datasets: Datasets, lock: DatasetLock
    ) -> dg.MaterializeResult:
        dataset = context.partition_key

        def run(previous: records.Record | None) -> Outcome:
            read = inputs_of(lake, dataset, [instances, encoder])
            fitted = read_encoder(lake, dataset, read[name_of(encoder)].details["encoder"])

            def shards(texts: list[str]) -> Iterator[Shard]:
                for begin in range(0, len(texts), SHARD_ROWS):
                    part = texts[begin : begin + SHARD_ROWS]
                    yield np.arange(begin, begin + len(part)), fitted.encode(part)

            found = embed_missing(lake, read_rows(lake, dataset), fitted.identity, shards)
            return Outcome(
                **found.counted(read_rows(lake, dataset)),
                removed=read[name_of(instances)].rows_removed,
                metadata={
                    "encoder": fitted.identity,
                    "dimensions": found.dimensions,
                    "contents_encoded": found.embedded,
                },
                details={"encoder": fitted.identity},
            )

        return run_stage(
            context,
            lake,
            inputs=[instances, encoder],
            version=VERSION,
            parameters={},
            compute=run,
        )

    return embeddings


def read_encoder(lake: Lake, dataset: str, identity: str) -> TabularEncoder:
    """Read an encoder of a dataset.

    Raises
    ------
    SluiceError
        If the lake does not have it.
    """
    stored = encoders.read(lake, dataset, identity)
    if stored is None:
        raise SluiceError(
            f"The encoder {identity} of {dataset} is gone from the lake. Materialise "
            f"tabular/encoder, or run the whole lineage with `sluice run {dataset}`."
        )
    return TabularEncoder.from_json(stored.artifact)
