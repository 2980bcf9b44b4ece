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
from sluice.scores.s_ifd import (
    TokenValues,
    ifd,
    ifd_loss,
    row_statistics,
    selective_ifd,
    token_deltas,
)
from sluice.scores.token_quantile import token_quantile
from sluice.tasks.instructions.learner import identity_of

VERSION = "1"
CHUNK_ROWS = 2048
LOSSES: tuple[str, ...] = ("ifd", "ifd_loss", "perplexity", "response_loss", "response_tokens")
S_IFD: tuple[str, ...] = ("s_ifd_mean", "s_ifd_std", "noisy_ifd", "informative_tokens")
JOINT_SCORES = {**dict.fromkeys(LOSSES, "losses"), **dict.fromkeys(S_IFD, "s_ifd")}


def _model(run: Run) -> CausalModel:
    return run.language_models.of(run.config.language_model, run.compute)


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
    settings=lambda run: {"model": identity_of(run.once(_model), run.config.language_model)},
    replaces=True,
    only_read=True,
)
def losses(run: Run) -> Outcome:
    """Let the model read the rows that it has not read."""
    lake, config = run.lake, run.config
    train = read_rows(lake, run.dataset).of("train")
    found = score_missing(
        *(lake, run.once(_model), config.language_model, config.neighbours, train, [0])
    )
    stored = store.read(lake, found.hashes[0])
    values = _of_losses(stored.conditional, stored.unconditional)
    shown = {
        "rows_windowed": int(stored.windowed.sum()),
        "mean_ifd": float(np.nanmean(values["ifd"])),
    }
    return _outcome(lake, run.dataset, train, values, "ifd", found, shown)


def _of_losses(given: TokenValues, alone: TokenValues) -> dict[str, NDArray[np.float64]]:
    means = given.means()
    with np.errstate(over="ignore"):
        return {
            "ifd": ifd(given, alone),
            "ifd_loss": ifd_loss(given, alone),
            "perplexity": np.exp(means),
            "response_loss": means,
            "response_tokens": given.sizes().astype(np.float64),
        }


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
        "model": identity_of(run.once(_model), run.config.language_model),
        "neighbours": run.config.neighbours.model_dump(
            include={"copies", "noise", "seed", "tokens"}
        ),
    },
    replaces=True,
    only_read=True,
)
def s_ifd(run: Run) -> Outcome:
    """Let the model read noisy copies of the rows."""
    lake, config, noise = run.lake, run.config, run.config.neighbours
    train = read_rows(lake, run.dataset).of("train")
    copies = range(1, noise.copies + 1)
    found = score_missing(lake, run.once(_model), config.language_model, noise, train, copies)
    values, threshold = _over_copies(lake, found, noise.tokens)
    shown = {
        "token_threshold": threshold,
        "rows_without_an_informative_token": int((values["informative_tokens"] == 0).sum()),
    }
    return _outcome(lake, run.dataset, train, values, "s_ifd_mean", found, shown)


def _over_copies(
    lake: Lake, found: Scored, share: float
) -> tuple[dict[str, NDArray[np.float64]], float]:
    """Return the scores of all rows and the threshold; a chunk of rows in memory at a time."""

    def deltas() -> Iterator[NDArray[np.float32]]:
        for keys in found.hashes.values():
            for begin in range(0, len(keys), CHUNK_ROWS):
                stored = store.read(lake, keys[begin : begin + CHUNK_ROWS])
                differences = token_deltas(stored.conditional, stored.unconditional).values
                yield np.asarray(differences, dtype=np.float32)

    threshold = token_quantile(deltas, share)
    selective, plain, informative = [], [], []
    for keys in found.hashes.values():
        parts: list[tuple[NDArray[Any], ...]] = []
        for begin in range(0, len(keys), CHUNK_ROWS):
            stored = store.read(lake, keys[begin : begin + CHUNK_ROWS])
            score, count = selective_ifd(
                token_deltas(stored.conditional, stored.unconditional), threshold
            )
            parts.append((score, ifd(stored.conditional, stored.unconditional), count))
        for column, of_parts in zip(
            (selective, plain, informative), zip(*parts, strict=True), strict=True
        ):
            column.append(np.concatenate(of_parts))
    mean, deviation = row_statistics(np.column_stack(selective))
    return {
        "s_ifd_mean": mean,
        "s_ifd_std": deviation,
        "noisy_ifd": row_statistics(np.column_stack(plain))[0],
        "informative_tokens": np.column_stack(informative).mean(axis=1, dtype=np.float64),
    }, threshold


def _outcome(
    lake: Lake,
    dataset: str,
    train: Rows,
    values: dict[str, NDArray[np.float64]],
    main: str,
    found: Scored,
    shown: Mapping[str, Any],
) -> Outcome:
    """Store scores that one pass has made, and say what came out."""
    scores.replace(lake, dataset, train.ids, values)
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
            "highest": examples(train, values[main], order[::-1][:5], "instructions"),
            "lowest": examples(train, values[main], order[:5], "instructions"),
        },
        details={"passes": found.passes, "rows": found.rows},
    )
