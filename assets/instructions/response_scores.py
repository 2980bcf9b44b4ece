"""Scores of prompts and responses from token losses: IFD, perplexity, length, and S-IFD."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.instructions.token_losses import Scored, score_missing, set_aside
from assets.lineage.inputs import Rows, read_rows
from assets.lineage.stage import Outcome, Run, digest_of, stage
from assets.stages.scores import examples
from resources.lake import Lake
from resources.store import scores
from resources.store import token_losses as store
from sluice.core.digests import array_digest, digest
from sluice.language.checkpoint import CausalModel
from sluice.scores.response_scores import (
    LOSS_SCORES,
    NOISY_SCORES,
    Losses,
    loss_scores,
    noisy_scores,
)
from sluice.tasks.instructions.config import InstructionsConfig
from sluice.tasks.instructions.learner import identity_of

VERSION = "1"
CHUNK_ROWS = 2048
JOINT_SCORES = {**dict.fromkeys(LOSS_SCORES, "losses"), **dict.fromkeys(NOISY_SCORES, "s_ifd")}


def _model(run: Run) -> CausalModel:
    return run.language_models.of(InstructionsConfig.of(run.config).language_model, run.compute)


@stage(
    "scores/losses",
    reads=("instances",),
    resources=("compute", "language_models"),
    kinds=("duckdb", "torch", "huggingface"),
    gpu=True,
    version=VERSION,
    table="scores",
    description=(
        "What the language model finds in each training response. `ifd`: perplexity given the "
        "prompt over perplexity alone (Cherry LLM, arXiv:2308.12032; Superfiltering, "
        "arXiv:2402.00530); `ifd_loss`: the ratio of the mean losses, which is another "
        "number; `perplexity` and `response_loss` given the prompt; `response_tokens`. Kept "
        "under a digest of the messages and the model, so a row is read once, ever; committed "
        "shard by shard, so a killed run resumes. Longer rows than the model's window are cut "
        "and counted."
    ),
    settings=lambda run: {
        "model": identity_of(run.once(_model), InstructionsConfig.of(run.config).language_model)
    },
    replaces=True,
    only_read=True,
)
def losses(run: Run) -> Outcome:
    """Let the model read the rows that it has not read."""
    lake, config = run.lake, InstructionsConfig.of(run.config)
    train = read_rows(lake, run.dataset).of("train")
    found = score_missing(
        *(lake, run.once(_model), config.language_model, config.noisy_copies, train, [0])
    )
    stored = store.read(lake, found.hashes[0])
    values = loss_scores(stored.conditional, stored.unconditional)
    shown = {
        "rows_windowed": int(stored.windowed.sum()),
        "mean_ifd": float(np.nanmean(values["ifd"])),
    }
    return _outcome(run, train, values, "ifd", found, shown)


@stage(
    "scores/s_ifd",
    reads=("instances", "scores/losses"),
    resources=("compute", "language_models"),
    kinds=("duckdb", "torch", "huggingface"),
    gpu=True,
    version=VERSION,
    table="scores",
    description=(
        "S-IFD of T-SHIRT (arXiv:2506.01317): the perplexity ratio over the informative "
        "tokens alone, those whose |difference that the prompt makes| lies above the (1 - k) "
        "quantile of all tokens of all rows and copies, on copies of each row with noise on "
        "its embeddings; mean and population standard deviation over the copies. The noise "
        "hangs on (seed, id, copy), so batch, shard and order change nothing; the quantile is "
        "exact, in bounded memory."
    ),
    settings=lambda run: {
        "model": identity_of(run.once(_model), InstructionsConfig.of(run.config).language_model),
        "neighbours": InstructionsConfig.of(run.config).noisy_copies.model_dump(
            include={"copies", "noise", "seed", "tokens"}
        ),
    },
    replaces=True,
    only_read=True,
)
def s_ifd(run: Run) -> Outcome:
    """Let the model read noisy copies of the rows."""
    lake, config = run.lake, InstructionsConfig.of(run.config)
    noise = config.noisy_copies
    train = read_rows(lake, run.dataset).of("train")
    copies = range(1, noise.copies + 1)
    found = score_missing(lake, run.once(_model), config.language_model, noise, train, copies)
    values, threshold = noisy_scores(lambda: _copies(lake, found), noise.tokens)
    shown = {
        "token_threshold": threshold,
        "rows_without_an_informative_token": int((values["informative_tokens"] == 0).sum()),
    }
    return _outcome(run, train, values, "s_ifd_mean", found, shown)


def _copies(lake: Lake, found: Scored) -> Iterator[Iterator[Losses]]:
    """Yield the losses of each copy of all rows; a chunk of rows in memory at a time."""
    for keys in found.hashes.values():
        chunks = (keys[begin : begin + CHUNK_ROWS] for begin in range(0, len(keys), CHUNK_ROWS))
        stored = (store.read(lake, chunk) for chunk in chunks)
        yield ((each.conditional, each.unconditional) for each in stored)


def _outcome(
    run: Run,
    train: Rows,
    values: dict[str, NDArray[np.float64]],
    main: str,
    found: Scored,
    shown: Mapping[str, Any],
) -> Outcome:
    """Store scores that one pass has made, and say what came out."""
    scores.replace(run.lake, run.dataset, train.ids, values)
    finite = np.flatnonzero(np.isfinite(values[main]))
    order = finite[np.argsort(values[main][finite], kind="stable")]
    return Outcome(
        content=digest(digest_of(train.ids), array_digest(*values.values())),
        total=len(train.ids),
        new=found.rows,
        reused=len(train.ids) - found.rows,
        metadata={
            **shown,
            "set_aside": set_aside(values[main], train.ids),
            "passes_of_the_model": found.passes,
            "loading_cpu_seconds": round(found.loading_seconds, 3),
            "highest": examples(run.task, train, values[main], order[::-1][:5]),
            "lowest": examples(run.task, train, values[main], order[:5]),
        },
        details={"passes": found.passes, "rows": found.rows},
    )
