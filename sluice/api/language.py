"""What a language model finds in conversations: losses, influence, and what methods ask it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.progress import track
from sluice.core.randomness import keyed_sample
from sluice.data.payloads.conversations import read_conversation
from sluice.language.checkpoint import CausalModel, Loaded
from sluice.language.pairs import Pair, conversation_pairs
from sluice.language.scoring import token_losses
from sluice.scores.influence import Influence, influence_of
from sluice.scores.response_quality import response_quality
from sluice.scores.response_scores import LOSS_SCORES, NOISY_SCORES, loss_scores
from sluice.scores.response_scores import noisy_scores as scores_of_copies
from sluice.scores.s_ifd import TokenValues
from sluice.subsets.contract import Ask
from sluice.tasks.caller_rows import Rows
from sluice.tasks.instructions.config import InstructionsConfig
from sluice.tasks.instructions.learner import training_of

OF_MODEL = frozenset(
    {"influence", "asks:influence", "asks:reward"}
    | {f"scores:{name}" for name in (*LOSS_SCORES, *NOISY_SCORES)}
)
"""Inputs that a language model is always read for."""

SHARD_ROWS = 32
Numbers = NDArray[np.float64]


def _config(rows: Rows) -> InstructionsConfig:
    return InstructionsConfig.of(rows.config)


def model_of(rows: Rows) -> CausalModel:
    """Return the language model of the rows: the caller's, that of the settings, or the default.

    Raises
    ------
    ConfigError
        It cannot be used.
    """
    from sluice.language.smollm2 import convert_default, default_folder

    if "model" not in rows.memo:
        settings = _config(rows).language_model
        folder = rows.language_model or settings.model or convert_default(default_folder())
        rows.memo["model"] = CausalModel(folder, settings.dtype)
    return rows.memo["model"]


def reads_model(rows: Rows, needs: Collection[str]) -> bool:
    """Whether a language model is read for some inputs."""
    return not OF_MODEL.isdisjoint(needs) or (
        "scores:quality" in needs and own_quality(rows) is None
    )


def scores(rows: Rows) -> dict[str, Numbers]:
    """Return `LOSS_SCORES` of the rows."""
    if "losses" not in rows.memo:
        (losses,) = _losses(rows, range(1))
        rows.memo["losses"] = loss_scores(*losses)
    return rows.memo["losses"]


def noisy_scores(rows: Rows) -> dict[str, Numbers]:
    """Return `NOISY_SCORES` of the rows: of `neighbours.copies` copies with noise on them."""
    if "noisy" not in rows.memo:
        noise = _config(rows).noisy_copies
        losses = _losses(rows, range(1, noise.copies + 1))
        found, _ = scores_of_copies(lambda: [[each] for each in losses], noise.tokens)
        rows.memo["noisy"] = found
    return rows.memo["noisy"]


def quality(rows: Rows) -> Numbers:
    """Return how good each row is: what it came with, or log(1 + tokens) x IFD (ours)."""
    own = own_quality(rows)
    if own is not None:
        return own
    found = scores(rows)
    return response_quality(found["ifd"], found["response_tokens"])


def own_quality(rows: Rows) -> Numbers | None:
    """Return the quality that the rows came with, NaN where one has none; None where none has."""
    given = [read_conversation(text).quality for text in rows.texts]
    if all(value is None for value in given):
        return None
    return np.array([np.nan if value is None else float(value) for value in given])


def influence(rows: Rows) -> Influence:
    """Return how much each row helps each validation row, by LoRA gradients (LESS)."""
    from sluice.language.training import lora
    from sluice.language.training.lora_gradients import GradientFeatures
    from sluice.language.training.warm_up import warm_up

    said, training, loaded = _config(rows).gradients, training_of(rows.config), _loaded(rows)
    target = target_of(rows)
    at = warm_up_rows(rows)
    pairs = _pairs(rows, loaded, training.max_length, at, end=True)
    with track("warming up", len(at) * training.epochs) as advance:
        warmed = warm_up(loaded, rows.names[at].tolist(), pairs, training, said.rank, advance)
    features: list[NDArray[np.float32]] = []
    try:
        length = _config(rows).language_model.max_length
        for given, moments in ((rows, warmed.moments), (target, None)):
            made = GradientFeatures(
                warmed.model, said.dimension, moments=moments, formula=said.formula
            )
            with track("gradients", len(given)) as advance:
                features.append(made.of(_pairs(given, loaded, length, end=True), advance=advance))
    finally:
        lora.detach(warmed.model)
    assert target.labels is not None
    families = [target.classes[code] for code in target.labels.tolist()]
    names = zip(target.shown_names("the validation rows"), families, strict=True)
    step, plain = features
    matrix = influence_of([step], [plain], [1.0])
    return Influence(matrix, tuple(f"{name} ({family})" for name, family in names))


def ask_influence(rows: Rows) -> Ask:
    """Return a function of positions: influence on the validation rows by EK-FAC (Quad)."""
    fitted: list[Any] = []
    length = _config(rows).language_model.max_length

    def ask(positions: NDArray[np.int64]) -> Numbers:
        from sluice.language.training.kfac import KfacInfluence

        loaded = _loaded(rows)
        if not fitted:
            tokens = _pairs(target_of(rows), loaded, length, end=True)
            curvature = _pairs(rows, loaded, length, warm_up_rows(rows), end=True)
            fitted.append(KfacInfluence.fit(loaded.model, tokens, pairs_curvature=curvature))
        found = fitted[0].of(_pairs(rows, loaded, length, positions, end=True))
        # As the lake of a dataset keeps it.
        return found.astype(np.float32).astype(np.float64)

    return ask


def ask_reward(rows: Rows) -> Ask:
    """Return a function of the rows so far and how many are new: what is still to be learnt."""
    made: list[Callable[..., Numbers]] = []

    def ask(selected: NDArray[np.int64], count: int) -> Numbers:
        from sluice.language.training.reward import TrainingReward

        if not made:
            training, loaded = training_of(rows.config), _loaded(rows)
            # The end mark is put to the response when it is trained on.
            pairs = _pairs(rows, loaded, training.max_length, end=False)
            rank = _config(rows).gradients.rank
            made.append(TrainingReward(loaded, rows.names.tolist(), pairs, training, rank))
        return made[0](selected, selected[len(selected) - count :])

    return ask


def target_of(rows: Rows) -> Rows:
    """Return the validation rows that are served: those of the least draws, in order of name."""
    from sluice.language.training.warm_up import SAMPLE_SEED

    assert rows.target is not None
    most = _config(rows).gradients.validation_rows
    return rows.target.at(keyed_sample(SAMPLE_SEED, rows.target.names, most))


def warm_up_rows(rows: Rows) -> NDArray[np.int64]:
    """Return the positions of the rows that adapters are warmed up on."""
    from sluice.language.training.warm_up import SAMPLE_SEED

    return keyed_sample(SAMPLE_SEED, rows.names, _config(rows).gradients.warmup_rows)


def _loaded(rows: Rows) -> Loaded:
    if "loaded" not in rows.memo:
        rows.memo["loaded"] = model_of(rows).load()
    return rows.memo["loaded"]


def _pairs(
    rows: Rows, loaded: Loaded, length: int, at: NDArray[np.int64] | None = None, *, end: bool
) -> list[Pair]:
    texts = rows.texts if at is None else [rows.texts[i] for i in at.tolist()]
    return conversation_pairs(loaded.tokenizer, texts, length, end=end)


def _losses(rows: Rows, copies: range) -> list[tuple[TokenValues, TokenValues]]:
    """Return the losses of all rows, given the prompt and alone, of each copy."""
    settings, noise, loaded = (
        _config(rows).language_model,
        _config(rows).noisy_copies,
        _loaded(rows),
    )
    pairs = _pairs(rows, loaded, settings.max_length, end=False)
    jobs = [(row, copy) for row in range(len(rows)) for copy in copies]
    found: dict[tuple[int, int], tuple[Any, Any]] = {}
    with track("reading responses", len(jobs)) as advance:
        for shard in token_losses(
            loaded,
            rows.names.tolist(),
            pairs,
            seed=noise.seed,
            alpha=noise.noise,
            jobs=jobs,
            shard_rows=SHARD_ROWS,
            max_tokens=settings.max_tokens,
            advance=advance,
        ):
            keys = zip(shard.positions.tolist(), shard.copies.tolist(), strict=True)
            losses = zip(shard.conditional, shard.unconditional, strict=True)
            found.update(zip(keys, losses, strict=True))
    return [
        (
            TokenValues.of([found[row, copy][0] for row in range(len(rows))]),
            TokenValues.of([found[row, copy][1] for row in range(len(rows))]),
        )
        for copy in copies
    ]
