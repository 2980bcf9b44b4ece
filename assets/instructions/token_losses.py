"""What a language model finds in each response, alone and after its prompt: row by row, once."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.lineage.inputs import Rows
from resources.lake import Lake
from resources.store import token_losses as store
from sluice.core.digests import text_hash
from sluice.core.progress import track
from sluice.data.config.language import LanguageModel
from sluice.data.payloads.conversations import messages_text, read_conversation
from sluice.language.checkpoint import CausalModel
from sluice.language.pairs import tokenise
from sluice.language.scoring import token_losses
from sluice.tasks.instructions.config import NoisyCopies
from sluice.tasks.instructions.learner import identity_of

SHARD_ROWS = 32


@dataclass(frozen=True)
class Scored:
    """Keys of the rows' losses, one list a copy, and what had to be computed for them.

    Attributes
    ----------
    hashes : dict of int to list of str
        Keys by copy; 0 is the row itself.
    rows : int
        Rows that the language model read.
    passes : int
        Rows times copies among them.
    loading_seconds : float
        CPU seconds of loading the model; 0 where it was not needed.
    """

    hashes: dict[int, list[str]]
    rows: int
    passes: int
    loading_seconds: float


def score_missing(
    lake: Lake,
    model: CausalModel,
    settings: LanguageModel,
    noise: NoisyCopies,
    chosen: Rows,
    copies: Sequence[int],
) -> Scored:
    """Let the model read the rows and copies whose losses are not stored, shard by shard.

    A killed run loses at most the shard that it was at: what was appended stays.
    """
    texts = [text_hash(messages_text(text)) for text in chosen.texts]
    identity = identity_of(model, settings)
    kind = f"{noise.noise!r} {noise.seed}"
    hashes = {
        copy: store.noisy_hashes(texts, identity, chosen.ids, kind, copy)
        if copy
        else store.clean_hashes(texts, identity)
        for copy in copies
    }
    absent = store.missing(lake, [key for keys in hashes.values() for key in keys])
    jobs = [
        (position, copy)
        for copy, keys in hashes.items()
        for position, key in enumerate(keys)
        if key in absent
    ]
    if not jobs:
        return Scored(hashes, 0, 0, 0.0)
    at = sorted({position for position, _ in jobs})
    began = time.process_time()
    loaded = model.load()
    loading = time.process_time() - began
    pairs = [
        tokenise(loaded.tokenizer, read_conversation(chosen.texts[i]).mappings, settings.max_length)
        for i in at
    ]
    place = {position: i for i, position in enumerate(at)}
    with track("reading responses", len(jobs)) as advance:
        shards = token_losses(
            loaded,
            [chosen.ids[i] for i in at],
            pairs,
            seed=noise.seed,
            alpha=noise.noise,
            jobs=[(place[position], copy) for position, copy in jobs],
            shard_rows=SHARD_ROWS,
            max_tokens=settings.max_tokens,
            advance=advance,
        )
        for shard in shards:
            rows = [at[position] for position in shard.positions.tolist()]
            numbers = shard.copies.tolist()
            table = {
                "input_hash": [hashes[c][row] for row, c in zip(rows, numbers, strict=True)],
                "text_hash": [texts[row] for row in rows],
                "model": [identity] * len(rows),
                "copy": pa.array(numbers, pa.int32()),
                "windowed": [pairs[place[row]].windowed for row in rows],
                "conditional": pa.array(shard.conditional, pa.list_(pa.float32())),
                "unconditional": pa.array(shard.unconditional, pa.list_(pa.float32())),
            }
            store.append(lake, pa.table(table))
    return Scored(hashes, len(at), len(jobs), loading)


def set_aside(values: NDArray[np.float64], ids: Sequence[str], most: int = 5) -> str:
    """Say which rows have no finite score, for the Dagster UI and the log."""
    faulty = np.flatnonzero(~np.isfinite(values)).tolist()
    if not faulty:
        return "none"
    named = ", ".join(ids[i] for i in faulty[:most])
    rest = f" and {len(faulty) - most} more" if len(faulty) > most else ""
    return (
        f"{len(faulty)} rows without a finite score, which no method that reads it keeps: a "
        f"response of one token has no perplexity of its own ({named}{rest})."
    )
