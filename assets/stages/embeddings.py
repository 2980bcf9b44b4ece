"""Texts to vectors: only texts that no run has embedded before, shard by shard."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import dagster as dg
import numpy as np
from numpy.typing import NDArray

from assets.lineage.inputs import Rows, read_all_rows
from assets.lineage.stage import Outcome, inputs_of, name_of, run_stage
from assets.lineage.task import Task
from assets.stages import checks
from resources.compute import GPU_POOL, Compute
from resources.datasets import Datasets
from resources.lake import Lake
from resources.locks import DatasetLock
from resources.store import records, vectors
from sluice.core.digests import order_free_digest
from sluice.core.progress import track
from sluice.encoders.text import TextEncoder

VERSION = "1"
SHARD_ROWS = 1024


Shard = tuple[NDArray[np.int64], NDArray[np.float32]]


@dataclass(frozen=True)
class Embedded:
    """What was made to give every row its vector.

    Attributes
    ----------
    hashes : list of str
        Key of each row's vector.
    computed : int
        Rows whose vector was not there.
    embedded : int
        Distinct contents among them.
    dimensions : int
    """

    hashes: list[str]
    computed: int
    embedded: int
    dimensions: int

    def counted(self, present: Rows) -> dict[str, Any]:
        """Return the content and the counts of the stage's outcome."""
        pairs = zip(present.ids, self.hashes, strict=True)
        return {
            "content": order_free_digest(f"{row} {key}" for row, key in pairs),
            "total": len(self.hashes),
            "new": self.computed,
            "reused": len(self.hashes) - self.computed,
        }


def embed_missing(
    lake: Lake, present: Rows, identity: str, shards: Callable[[list[str]], Iterable[Shard]]
) -> Embedded:
    """Make the vectors that are not stored yet, each content once, and commit shard by shard.

    Parameters
    ----------
    lake : Lake
    present : Rows
    identity : str
        Of the encoder.
    shards : callable
        Takes contents, at least one, and yields positions among them with their vectors.
    """
    hashes = vectors.input_hashes(present.text_hashes, identity)
    absent = vectors.missing(lake, hashes)
    first = {key: i for i, key in reversed(list(enumerate(hashes))) if key in absent}
    todo = sorted(first.values())
    with track("embedding", len(todo)) as advance:
        for positions, shard in shards([present.texts[i] for i in todo]) if todo else ():
            keys = [hashes[todo[p]] for p in positions.tolist()]
            vectors.append(lake, keys, identity, shard)
            advance(len(keys))
    return Embedded(
        hashes,
        sum(key in absent for key in hashes),
        len(todo),
        vectors.read(lake, hashes[:1]).shape[1],
    )


def embeddings_asset(task: Task) -> dg.AssetsDefinition:
    """Build the asset `[task, embeddings]`."""
    instances = task.key("instances")

    @task.asset(
        "embeddings",
        deps=[instances],
        kinds={"duckdb", "torch", "huggingface"},
        pool=GPU_POOL,
        version=VERSION,
        table="embeddings",
        checks=checks.of_embeddings(task),
        description=(
            "Sentence vectors of all rows: all-MiniLM-L6-v2 (Reimers and Gurevych, "
            "arXiv:1908.10084), or the encoder that `dataset.yaml` names; mean over the tokens of "
            "the attention mask, L2-normalised, float32. Keyed by a digest of the text and of the "
            "encoder's files, so a text is embedded once, ever; committed shard by shard, so a "
            "killed run resumes."
        ),
    )
    def embeddings(
        context: dg.AssetExecutionContext,
        lake: Lake,
        datasets: Datasets,
        compute: Compute,
        lock: DatasetLock,
    ) -> dg.MaterializeResult:
        dataset = context.partition_key
        chosen = datasets.config(dataset).encoder
        encoder = TextEncoder(chosen.model, chosen.max_length, chosen.batch_size)

        def run(previous: records.Record | None) -> Outcome:
            device = compute.resolve()
            present = read_all_rows(lake, dataset)
            active = TextEncoder(chosen.model, chosen.max_length, chosen.batch_size, device)
            seconds: list[float] = []

            def shards(texts: list[str]) -> Iterator[Shard]:
                began = time.process_time()
                active.load()
                seconds.append(time.process_time() - began)
                yield from active.encode_shards([task.reads(text) for text in texts], SHARD_ROWS)

            found = embed_missing(lake, present, encoder.identity, shards)
            loading = sum(seconds)
            return Outcome(
                **found.counted(present),
                removed=inputs_of(lake, dataset, [instances])[name_of(instances)].rows_removed,
                metadata={
                    "encoder": encoder.identity,
                    "model": chosen.model or "all-MiniLM-L6-v2",
                    "dimensions": found.dimensions,
                    "texts_embedded": found.embedded,
                    "loading_cpu_seconds": round(loading, 3),
                },
                # The same for one text as for all: what a change costs is beside it.
                details={"encoder": encoder.identity, "loading_cpu_seconds": loading},
                device=device,
            )

        return run_stage(
            context,
            lake,
            inputs=[instances],
            version=VERSION,
            parameters={"encoder": encoder.identity},
            compute=run,
        )

    return embeddings
