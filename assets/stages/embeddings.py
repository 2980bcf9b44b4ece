"""Texts to vectors: only texts that no run has embedded before, shard by shard."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.lineage import checks
from assets.lineage.inputs import Rows, read_all_rows
from assets.lineage.stage import Outcome, Run, stage
from resources.lake import Lake
from resources.store import vectors
from sluice.core.digests import order_free_digest
from sluice.core.progress import track
from sluice.data.config import DatasetConfig
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


@stage(
    "embeddings",
    reads=("instances",),
    resources=("compute",),
    kinds=("duckdb", "torch", "huggingface"),
    gpu=True,
    version=VERSION,
    table="embeddings",
    checks=(checks.OF_EMBEDDINGS,),
    description=(
        "Sentence vectors of all rows: all-MiniLM-L6-v2 (Reimers and Gurevych, "
        "arXiv:1908.10084), or the encoder that `dataset.yaml` names; mean over the tokens of "
        "the attention mask, L2-normalised, float32. Keyed by a digest of the text and of the "
        "encoder's files, so a text is embedded once, ever; committed shard by shard, so a "
        "killed run resumes."
    ),
    settings=lambda run: {"encoder": text_encoder(run.config).identity},
)
def embeddings(run: Run) -> Outcome:
    """Embed the texts that no run has embedded before."""
    present = read_all_rows(run.lake, run.dataset)
    active = text_encoder(run.config, run.device)
    seconds: list[float] = []

    def shards(texts: list[str]) -> Iterator[Shard]:
        began = time.process_time()
        active.load()
        seconds.append(time.process_time() - began)
        yield from active.encode_shards(
            [run.task.spec.rows.embedded(text) for text in texts], SHARD_ROWS
        )

    found = embed_missing(run.lake, present, active.identity, shards)
    loading = sum(seconds)
    return Outcome(
        **found.counted(present),
        removed=run.record("instances").rows_removed,
        metadata={
            "encoder": active.identity,
            "model": run.config.encoder.model or "all-MiniLM-L6-v2",
            "dimensions": found.dimensions,
            "texts_embedded": found.embedded,
            "loading_cpu_seconds": round(loading, 3),
        },
        # The same for one text as for all: what a change costs is beside it.
        details={"encoder": active.identity, "loading_cpu_seconds": loading},
        device=run.device,
    )


def text_encoder(config: DatasetConfig, device: str = "cpu") -> TextEncoder:
    """Return the sentence encoder of a dataset."""
    chosen = config.encoder
    return TextEncoder(chosen.model, chosen.max_length, chosen.batch_size, device)
