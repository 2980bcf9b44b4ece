"""How uncertain a tagger is of each training sentence that it was not trained on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from assets.instructions.warm_up import sample
from assets.lineage.cached_model import CachedModel
from assets.lineage.inputs import Rows, read_rows
from assets.lineage.stage import Outcome, Run, digest_of, stage
from assets.stages.embeddings import Shard, embed_missing
from assets.stages.evaluations import given_of
from assets.stages.scores import examples
from assets.tabular.encoder import KEEP_TAG
from resources.lake import Lake
from resources.paths import taggers_root
from resources.store import scores, vectors
from sluice.core.digests import array_digest, digest
from sluice.core.errors import DataError
from sluice.data.config import DatasetConfig
from sluice.data.payloads.bio import tag_names
from sluice.tasks.tokens.config import TokensConfig
from sluice.tasks.tokens.learner import (
    ADAPTED,
    Start,
    TokensLearner,
    sentences_of,
    training_of,
)

VERSION = "1"
SHARD_ROWS = 1024


def _start(run: Run) -> Start:
    return Start.of(given_of(run, TokensLearner.reads(run.config)))


def _weights(run: Run) -> CachedModel:
    start = run.once(_start)
    settings = digest_of([VERSION, training_of(run.config).version, start.identity])
    most = TokensConfig.of(run.config).uncertainty.refit_drift
    return CachedModel("tagger", taggers_root(), settings, most, "uncertainty.refit_drift")


@stage(
    "scores/mnlp",
    reads=lambda task, config: ["instances", *TokensLearner.reads(config)],
    may_read=("instances", ADAPTED),
    resources=("compute",),
    kinds=("duckdb", "torch"),
    gpu=True,
    version=VERSION,
    table="scores",
    description=(
        "Maximum normalised log-probability, negated (Shen et al., arXiv:1707.05928): "
        "-(1/w) sum_i ln max_c p_ic over the w words of a sentence, by a tagger that is "
        "trained on `uncertainty.sample_rows` training rows of the least hashes of their ids, "
        "and sees no other tags. Of these rows it would say how well it remembers them: they "
        "have no number (NaN), and the selector takes them last (ours). The tagger stands "
        "while at most the share `uncertainty.refit_drift` of its rows has changed; a "
        f"rebuild trains anew, unless the run has the tag `{KEEP_TAG}: true`. A number is "
        "kept under a digest of the row and of the tagger, so each rates a row once."
    ),
    settings=lambda run: {
        "settings": run.once(_weights).settings,
        **TokensConfig.of(run.config).uncertainty.model_dump(),
    },
    is_valid=lambda run: run.once(_weights).there(run),
    replaces=True,
    only_read=True,
)
def mnlp(run: Run) -> Outcome:
    """Rate the sentences that the tagger was not trained on."""
    lake, dataset, config, weights = run.lake, run.dataset, run.config, run.once(_weights)
    train = read_rows(lake, dataset).of("train")
    at = sampled(dataset, train, TokensConfig.of(config).uncertainty.sample_rows)

    def make(folder: Path) -> dict[str, Any]:
        _train(dataset, config, run.once(_start), train, at, run.device, folder)
        return {}

    rows = [train.content_hashes[i] for i in at]
    details, verdict = weights.load_or_train(run, rows, make)
    seen = set(details["sample"])
    rest = [i for i, content in enumerate(train.content_hashes) if content not in seen]
    tagger = weights.root / details["tagger"]
    values, read = _rated(lake, config, train, rest, tagger, run.device)
    scores.replace(lake, dataset, train.ids, {"mnlp": values})
    finite = np.flatnonzero(np.isfinite(values))
    order = finite[np.argsort(-values[finite], kind="stable")]
    return Outcome(
        content=digest(digest_of(train.ids), array_digest(values)),
        total=len(train.ids),
        new=read,
        reused=len(train.ids) - read,
        metadata={
            "tagger": details["tagger"],
            "verdict": verdict or "It stands.",
            "rows_of_the_tagger": len(train.ids) - len(rest),
            "rows_rated": len(finite),
            "rows_read": read,
            "mean": float(values[finite].mean()) if len(finite) else 0.0,
            "highest": examples(run.task, train, values, order[:5]),
            "lowest": examples(run.task, train, values, order[::-1][:5]),
        },
        details=details,
        device=run.device,
    )


def sampled(dataset: str, train: Rows, most: int) -> list[int]:
    """Return the positions of the rows that the tagger is trained on: at most half (ours).

    Raises
    ------
    DataError
        There are fewer than two training rows.
    """
    if len(train.ids) < 2:
        raise DataError(
            f"Dataset {dataset} has {len(train.ids)} training rows; the selector mnlp needs two or "
            "more, of which half train its tagger. Add rows, or leave mnlp out of `selectors`."
        )
    return sample(train, min(most, len(train.ids) // 2))


def _train(
    dataset: str,
    config: DatasetConfig,
    start: Start,
    train: Rows,
    at: list[int],
    device: str,
    folder: Path,
) -> None:
    from sluice.models.token_fine_tune import token_fine_tune

    chosen = sentences_of([train.texts[i] for i in at])
    # Tags of other rows are not looked at, not even which there are.
    names = tag_names(chosen)
    if len(names) < 2:
        raise DataError(
            f"None of the {len(chosen)} sampled sentences of {dataset} has a span, so that the "
            "tagger of mnlp could tell nothing apart. Raise uncertainty.sample_rows in its "
            "dataset.yaml (at most half of the training rows are taken), or leave mnlp out of "
            "`selectors`."
        )
    words, tags = [each.tokens for each in chosen], [each.tags for each in chosen]
    token_fine_tune(words, tags, names, training_of(config), start.found(), folder, device)


def _rated(
    lake: Lake, config: DatasetConfig, train: Rows, rest: list[int], tagger: Path, device: str
) -> tuple[np.ndarray, int]:
    """Return the numbers of all rows, NaN of those that are not rated, and how many were read."""
    values = np.full(len(train.ids), np.nan)
    if not rest:
        return values, 0

    def shards(texts: list[str]) -> Iterator[Shard]:
        from sluice.models.token_predict import predict_tags
        from sluice.tokens.mnlp import mnlp

        for begin in range(0, len(texts), SHARD_ROWS):
            part = [each.tokens for each in sentences_of(texts[begin : begin + SHARD_ROWS])]
            found = predict_tags(tagger, part, config.training.max_length, device=device)
            rated = mnlp(found.probabilities).astype(np.float32)[:, None]
            yield np.arange(begin, begin + len(part)), rated

    identity = digest_of(["mnlp", VERSION, tagger.name])[:20]
    found = embed_missing(lake, train.at(rest), identity, shards)
    values[rest] = vectors.read(lake, found.hashes)[:, 0]
    return values, found.computed
