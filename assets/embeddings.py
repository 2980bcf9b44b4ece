"""Texts to vectors: only texts that no run has embedded before, shard by shard."""

import time

import dagster as dg

from assets import checks
from assets.inputs import read_rows
from assets.stage import Outcome, inputs_of, name_of, run_stage
from assets.task import Task
from resources.compute import Compute
from resources.datasets import Datasets
from resources.lake import Lake
from resources.locks import DatasetLock
from resources.store import records, vectors
from sluice.data.digests import order_free_digest
from sluice.encoders.text import TextEncoder
from sluice.progress import track

VERSION = "1"
SHARD_ROWS = 1024


def embeddings_asset(task: Task) -> dg.AssetsDefinition:
    """Build the asset `[task, embeddings]`."""
    instances = task.key("instances")

    @task.asset(
        "embeddings",
        deps=[instances],
        kinds={"duckdb", "torch", "huggingface"},
        pool="gpu",
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
            present = read_rows(lake, dataset)
            hashes = vectors.input_hashes(present.text_hashes, encoder.identity)
            absent = vectors.missing(lake, hashes)
            first = {key: i for i, key in reversed(list(enumerate(hashes))) if key in absent}
            todo = sorted(first.values())
            active = TextEncoder(chosen.model, chosen.max_length, chosen.batch_size, device)
            began = time.process_time()
            if todo:
                active.load()
            loading = time.process_time() - began
            with track("embedding", len(todo)) as advance:
                shards = active.encode_shards([present.texts[i] for i in todo], SHARD_ROWS)
                for positions, shard in shards:
                    keys = [hashes[todo[p]] for p in positions.tolist()]
                    vectors.append(lake, keys, encoder.identity, shard)
                    advance(len(keys))
            computed = sum(key in absent for key in hashes)
            pairs = zip(present.ids, hashes, strict=True)
            return Outcome(
                content=order_free_digest(f"{row} {key}" for row, key in pairs),
                total=len(hashes),
                new=computed,
                reused=len(hashes) - computed,
                removed=inputs_of(lake, dataset, [instances])[name_of(instances)].rows_removed,
                metadata={
                    "encoder": encoder.identity,
                    "model": chosen.model or "all-MiniLM-L6-v2",
                    "dimensions": vectors.read(lake, hashes[:1]).shape[1],
                    "texts_embedded": len(todo),
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
