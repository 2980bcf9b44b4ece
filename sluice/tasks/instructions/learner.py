"""What prompts and responses train: LoRA adapters of the language model.

Adapters (arXiv:2106.09685) are trained on the responses of a subset and measured by the loss of
held-out responses, by row and by family, and by exact answers where the reference is short.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from sluice.core.digests import digest
from sluice.core.errors import DataError, SluiceError
from sluice.core.progress import Advance
from sluice.data.config import DatasetConfig
from sluice.data.config.language import LanguageModel
from sluice.data.payloads.conversations import read_conversation
from sluice.evaluation.learner import Examples, Fitted, Learner, Model
from sluice.evaluation.metrics import Mean, Measure, Metric, Outcomes
from sluice.language.pairs import conversation_pairs
from sluice.tasks.instructions.config import InstructionsConfig

if TYPE_CHECKING:
    from sluice.language.checkpoint import CausalModel, Loaded
    from sluice.language.pairs import Pair
    from sluice.language.training.fine_tune import FineTune

TRIED_ROWS = 8
ANSWER_TOKENS = 256
BASE_FILE = "base.json"


def _family_loss(outcomes: Outcomes) -> float:
    losses, families = outcomes.T
    _, codes = np.unique(families, return_inverse=True)
    return float((np.bincount(codes, weights=losses) / np.bincount(codes)).mean())


def _exact(outcomes: Outcomes) -> float:
    short = outcomes[~np.isnan(outcomes)]
    return float(short.mean()) if len(short) else float("nan")


@dataclass
class Adapted(Model):
    """The language model with adapters in memory."""

    model: Any
    learner: InstructionsLearner

    def answers(self, rows: Examples) -> list[str]:
        """Return greedy answers to the prompts, of at most `ANSWER_TOKENS` tokens."""
        from sluice.language.generate import generate

        prompts = [pair.prompt for pair in self._pairs(rows)]
        return generate(self.model, self.learner.loaded.tokenizer, prompts, ANSWER_TOKENS)

    def outcomes(self, rows: Examples) -> dict[str, Outcomes]:
        """Return the loss of each response with the code of its family, and exact answers.

        The latter 1 where the answer is the reference, 0 where not, NaN where it is long.
        """
        from sluice.evaluation.held_out import held_out

        losses, exact = held_out(
            *(self.model, self.learner.loaded.tokenizer, self._pairs(rows)),
            [read_conversation(text).response for text in rows.texts],
            answers=self.learner.config.evaluation.answers,
        )
        pairs = np.column_stack([losses, rows.labels.astype(np.float64)])
        return {"loss": pairs, "exact": exact[:, None]}

    def save(self, folder: Path) -> None:
        """Write the adapters, and which base they belong to."""
        from sluice.language.training import lora

        lora.save(self.model, folder)
        base = self.learner.causal
        about = {"identity": base.identity, "model": self.learner.config.language_model.model}
        (folder / BASE_FILE).write_text(json.dumps(about), "utf-8")

    def close(self) -> None:
        """Take the adapters off: the base serves the next ones."""
        from sluice.language.training import lora

        lora.detach(self.model)

    def _pairs(self, rows: Examples) -> list[Pair]:
        length = self.learner.config.language_model.max_length
        return conversation_pairs(self.learner.loaded.tokenizer, rows.texts, length, end=False)


class InstructionsLearner(Learner):
    """The language model with LoRA adapters."""

    metrics: ClassVar[tuple[Metric, ...]] = (
        Mean("loss", "loss in nats a token", "loss", lower=True),
        Measure("family_loss", "loss by family", "loss", lower=True, of=_family_loss),
        Measure("exact", "exact answers", "exact", of=_exact),
    )
    summary: ClassVar[str] = (
        "The language model with LoRA adapters (arXiv:2106.09685): loss of held-out responses, by "
        "row and by family, and exact answers where the reference is short"
    )
    model_summary: ClassVar[str] = (
        "LoRA adapters (arXiv:2106.09685) trained on the subset that is best on validation at the "
        "chosen budget, with the seed that was best: the adapters and the identity of the language "
        "model that they belong to."
    )
    kinds: ClassVar[frozenset[str]] = frozenset({"torch"})
    model_kinds: ClassVar[frozenset[str]] = frozenset({"torch", "huggingface"})
    heavy: ClassVar[bool] = True
    model_heavy: ClassVar[bool] = True
    on_demand: ClassVar[bool] = True
    tries: ClassVar[str] = (
        f"from training on {TRIED_ROWS} rows and measuring on {TRIED_ROWS}, by tokens"
    )
    advice: ClassVar[str] = (
        "Compare fewer selectors, budgets or seeds, set evaluation.answers to false or "
        "held_out_rows lower, use a GPU"
    )
    seeded: ClassVar[bool] = True

    @property
    def config(self) -> InstructionsConfig:
        """As that of its task."""
        return InstructionsConfig.of(self.given.config)

    @cached_property
    def causal(self) -> CausalModel:
        """The language model, not yet loaded."""
        if self.given.language_model is None:
            raise SluiceError("The language model is not there; make the learner with it.")
        return self.given.language_model(self.config.language_model)

    @cached_property
    def loaded(self) -> Loaded:
        """The language model in memory."""
        return self.causal.load()

    @property
    def trained(self) -> str:
        """How adapters are made, trained and measured."""
        answers = self.config.evaluation.answers
        training = training_of(self.config).version
        return f"tuned-2:{training}:rank={self.config.gradients.rank}:answers={answers}"

    @property
    def settings(self) -> list[str]:
        """Also the language model."""
        identity = identity_of(self.causal, self.config.language_model)
        return [self.version, self.trained, identity]

    @property
    def parameters(self) -> dict[str, Any]:
        """Also how many rows are measured."""
        return super().parameters | {"held_out_rows": self.config.evaluation.held_out_rows}

    @property
    def most_held_out(self) -> int:
        """As `dataset.yaml` says."""
        return self.config.evaluation.held_out_rows

    def names(self, train: Examples) -> list[str]:
        """Return nothing: families are no classes."""
        return []

    def train(
        self, rows: Examples, names: Sequence[str], seed: int, advance: Advance | None = None
    ) -> Adapted:
        """Train new adapters; the seed draws their first matrices and the order of rows."""
        return self._tuned(rows, seed, training_of(self.config), advance)[0]

    def hours(self, rows: Examples, held_out: Mapping[str, Examples], sizes: list[int]) -> float:
        """Train on a few rows of middling length and measure on a few, and scale up by tokens."""
        training = training_of(self.config)
        pairs = conversation_pairs(self.loaded.tokenizer, rows.texts, training.max_length, end=True)
        lengths = np.array([len(pair) for pair in pairs])
        middle = np.argsort(np.abs(lengths - lengths.mean()), kind="stable")[:TRIED_ROWS]
        few, once = rows.at(middle), replace(training, epochs=1)
        # Once to warm up: the first pass makes what later ones reuse.
        self._tuned(few.at([0]), 0, once)[0].close()
        model, record = self._tuned(few, 0, once)
        rate = record.seconds / lengths[middle].sum()
        began, tried = time.monotonic(), 0
        for part in held_out.values():
            count = min(TRIED_ROWS, len(part))
            model.outcomes(part.at(range(count)))
            tried += count
        measured = (time.monotonic() - began) / max(1, tried)
        model.close()
        tokens = training.epochs * sum(sizes) * float(lengths.mean())
        all_measured = len(sizes) * sum(map(len, held_out.values())) * measured
        return float(tokens * rate + all_measured) / 3600.0

    def model_settings(self, seed: int) -> dict[str, Any]:
        """The training with the seed of the subset, and the base."""
        identity = identity_of(self.causal, self.config.language_model)
        return {"training": self.trained, "base": identity, "seed": seed}

    def fit(
        self,
        rows: Examples,
        names: Sequence[str],
        seed: int,
        folder: Path,
        validation: Examples,
        start: Path | None = None,
    ) -> Fitted:
        """Train the adapters that are kept."""
        training = training_of(self.config)
        model, record = self._tuned(rows, seed, training)
        model.save(folder)
        model.close()
        epochs = np.array_split(np.array(record.losses), training.epochs)
        curve = [{"epoch": i + 1.0, "loss": float(each.mean())} for i, each in enumerate(epochs)]
        about = {"steps": record.steps, "training_seconds": float(record.seconds)}
        logged = vars(replace(training, seed=seed)) | {"rank": self.config.gradients.rank}
        return Fitted(curve, about, logged | {"device": record.device})

    def load(self, folder: Path) -> Adapted:
        """Put kept adapters beside the language model.

        Raises
        ------
        DataError
            They belong to another one.
        """
        from sluice.encoders.folder import read_json
        from sluice.language.training import lora

        base = read_json(folder / BASE_FILE)["identity"]
        if base != self.causal.identity:
            raise DataError(
                f"The adapters belong to the language model {base}, and language_model of the "
                f"dataset.yaml is {self.causal.identity}. Name the former to use them."
            )
        return Adapted(lora.load(self.loaded.model, folder), self)

    def _tuned(
        self, rows: Examples, seed: int, training: FineTune, advance: Advance | None = None
    ) -> tuple[Adapted, Any]:
        from sluice.language.training import lora
        from sluice.language.training.fine_tune import fine_tune

        rank, texts = self.config.gradients.rank, rows.texts
        pairs = conversation_pairs(self.loaded.tokenizer, texts, training.max_length, end=True)
        model: Any = lora.attach(self.loaded.model, rank=rank, alpha=2.0 * rank, seed=seed)
        try:
            seeded = replace(training, seed=seed)
            record = fine_tune(model, pairs, rows.ids, seeded, advance, weights=rows.weights)
        except BaseException:
            lora.detach(model)
            raise
        return Adapted(model, self), record


def training_of(config: DatasetConfig) -> FineTune:
    """Return how a dataset's adapters are trained; the seed is that of each subset."""
    from sluice.language.training.fine_tune import FineTune

    chosen = config.training
    return FineTune(
        epochs=chosen.epochs,
        learning_rate=chosen.learning_rate,
        batch_size=chosen.batch_size,
        warmup_share=chosen.warmup_share,
        weight_decay=chosen.weight_decay,
        max_length=chosen.max_length,
    )


def identity_of(model: CausalModel, settings: LanguageModel) -> str:
    """Return a digest of everything but the row that a clean loss depends on."""
    from sluice.language.scoring import METHOD_VERSION

    return digest(METHOD_VERSION, model.identity, str(settings.max_length))[:20]
