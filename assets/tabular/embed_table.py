"""Rows of a table to vectors by its encoder: only contents that it has not encoded before."""

from collections.abc import Iterator

import numpy as np

from assets.lineage import checks
from assets.lineage.inputs import read_rows
from assets.lineage.stage import Outcome, Run, stage
from assets.stages.embeddings import Shard, embed_missing
from resources.store import encoders
from sluice.encoders.tabular import TabularEncoder

VERSION = "1"
SHARD_ROWS = 16_384


@stage(
    "embeddings",
    reads=("instances", "encoder"),
    version=VERSION,
    table="embeddings",
    checks=(checks.OF_ENCODED,),
    description=(
        "Features of all rows, float32, standardised over the rows that the encoder was "
        "fitted on and not of unit length. Keyed by a digest of the row's content and of the "
        "encoder, so a content is encoded once by each encoder; committed shard by shard, so "
        "a killed run resumes."
    ),
)
def embeddings(run: Run) -> Outcome:
    """Encode the contents that this encoder has not encoded before."""
    fitted = TabularEncoder.from_json(
        encoders.artifact(run.lake, run.dataset, run.record("encoder").details["encoder"])
    )
    present = read_rows(run.lake, run.dataset)

    def shards(texts: list[str]) -> Iterator[Shard]:
        for begin in range(0, len(texts), SHARD_ROWS):
            part = texts[begin : begin + SHARD_ROWS]
            yield np.arange(begin, begin + len(part)), fitted.encode(part)

    found = embed_missing(run.lake, present, fitted.identity, shards)
    return Outcome(
        **found.counted(present),
        removed=run.record("instances").rows_removed,
        metadata={
            "encoder": fitted.identity,
            "dimensions": found.dimensions,
            "contents_encoded": found.embedded,
        },
        details={"encoder": fitted.identity},
    )
