"""What tagged sentences train: a tagger of words, on each subset and in the end.

The encoder, or that of `adaptation`, is fine-tuned to tag words (arXiv:1810.04805).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from shutil import copytree
from typing import Any, ClassVar

import numpy as np

from sluice.core.drafts import scratch
from sluice.core.errors import SluiceError
from sluice.core.progress import Advance
from sluice.data.config import DatasetConfig
from sluice.data.payloads.bio import tag_names
from sluice.data.payloads.sentences import read_sentence
from sluice.data.readers.conll import Sentence
from sluice.encoders.text import TextEncoder
from sluice.evaluation.learner import Examples, Fitted, Given, Learner, Model
from sluice.evaluation.metrics import FOfCounts, Metric, Outcomes
from sluice.models.training import TrainingConfig
from sluice.tasks.tokens.config import TokensConfig
from sluice.tokens.tag_counts import T_FREX_BETA, span_counts, token_counts

ADAPTED = "encoder/adapted"
# One step and four: the difference is that of steps, without loading and saving.
FEW_ROWS, TRIED_ROWS = 4, 64


@dataclass(frozen=True)
class Start:
    """The encoder that a dataset's taggers start from.

    Attributes
    ----------
    identity : str
        Of all that a tagger takes from it.
    model : str or None
        Its folder or name, or None for the default one.
    adapted : bool
        Whether it was trained further on the dataset's rows.
    """

    identity: str
    model: str | None
    adapted: bool = False

    @classmethod
    def of(cls, given: Given) -> Start:
        """Return that of one dataset."""
        if TokensConfig.of(given.config).adaptation is None:
            return cls(plain_encoder(given.config), given.config.encoder.model)
        name = str(given.details[ADAPTED]["encoder"])
        return cls(name, str((given.encoders or Path()) / name), adapted=True)

    def found(self) -> str | None:
        """Return the model.

        Raises
        ------
        SluiceError
            It was trained further, and its folder is gone.
        """
        if self.adapted and not Path(str(self.model)).is_dir():
            raise SluiceError(
                f"The encoder {self.identity} that was trained further is gone from "
                f"{Path(str(self.model)).parent}. `sluice run` of the dataset makes it again."
            )
        return self.model


@dataclass
class Tagger(Model):
    """A fine-tuned tagger in its folder; one that was not kept goes when it is closed."""

    folder: Path
    max_length: int
    device: str
    held: ExitStack = field(default_factory=ExitStack)

    def answers(self, rows: Examples) -> list[str]:
        """Return the tags of each sentence's words, with a space between."""
        return [" ".join(tags) for tags in self._tags(sentences_of(rows.texts))]

    def outcomes(self, rows: Examples) -> dict[str, Outcomes]:
        """Count right, predicted and true of each sentence: spans, and words of all types."""
        sentences = sentences_of(rows.texts)
        truth, tags = [each.tags for each in sentences], self._tags(sentences)
        words = np.zeros((len(truth), 3), dtype=np.int64)
        for counts in token_counts(truth, tags).values():
            words += counts
        spans = span_counts(truth, tags)
        return {"spans": spans.astype(np.float64), "words": words.astype(np.float64)}

    def _tags(self, sentences: Sequence[Sentence]) -> list[list[str]]:
        from sluice.models.token_predict import predict_tags

        words = [each.tokens for each in sentences]
        return predict_tags(self.folder, words, self.max_length, device=self.device).tags

    def save(self, folder: Path) -> None:
        """Copy the tagger."""
        copytree(self.folder, folder, dirs_exist_ok=True)

    def close(self) -> None:
        """Remove it, where it lies in a folder of its own."""
        self.held.close()


class TokensLearner(Learner):
    """A tagger of words."""

    metrics: ClassVar[tuple[Metric, ...]] = (
        FOfCounts("f1", "span F1", "spans"),
        FOfCounts("f_beta", "token F-beta", "words", beta=T_FREX_BETA),
    )
    what: ClassVar[str] = "taggers"
    summary: ClassVar[str] = (
        "The encoder (that of `adaptation` where `dataset.yaml` has it) fine-tuned as a tagger of "
        "words (arXiv:1810.04805): strict span F1, and the token F-beta of T-FREX "
        f"(arXiv:2408.01063; beta {T_FREX_BETA}); the last weights are scored"
    )
    model_summary: ClassVar[str] = (
        "A tagger of words, fine-tuned on the subset that is best on validation at the chosen "
        "budget, with the seed that was best: weights, tokenizer and the names of the tags."
    )
    kinds: ClassVar[frozenset[str]] = frozenset({"torch"})
    model_kinds: ClassVar[frozenset[str]] = frozenset({"torch", "huggingface"})
    heavy: ClassVar[bool] = True
    model_heavy: ClassVar[bool] = True
    may_read: ClassVar[tuple[str, ...]] = (ADAPTED,)
    model_reads: ClassVar[tuple[str, ...]] = (ADAPTED,)
    on_demand: ClassVar[bool] = True
    tries: ClassVar[str] = (
        f"from training on {TRIED_ROWS} rows and tagging {TRIED_ROWS} of each split"
    )
    advice: ClassVar[str] = (
        "Compare fewer selectors, budgets or seeds, train for fewer epochs, use a GPU"
    )
    seeded: ClassVar[bool] = True

    @classmethod
    def reads(cls, config: DatasetConfig) -> tuple[str, ...]:
        """The encoder that was trained further, where there is one."""
        return () if TokensConfig.of(config).adaptation is None else cls.may_read

    @cached_property
    def start(self) -> Start:
        """The encoder that taggers start from."""
        return Start.of(self.given)

    @property
    def trained(self) -> str:
        """How taggers are trained."""
        return training_of(self.config).version

    @property
    def settings(self) -> list[str]:
        """Also the encoder."""
        return [self.version, self.trained, self.start.identity]

    def names(self, train: Examples) -> list[str]:
        """Return all tags of the training rows."""
        return tag_names(sentences_of(train.texts))

    def train(
        self, rows: Examples, names: Sequence[str], seed: int, advance: Advance | None = None
    ) -> Tagger:
        """Fine-tune a tagger; held-out sentences are never looked at."""
        with ExitStack() as made:
            folder = made.enter_context(scratch())
            self._tune(rows, names, seed, folder)
            if advance is not None:
                advance(len(rows))
            return self._tagger(folder, made.pop_all())

    def hours(self, rows: Examples, held_out: Mapping[str, Examples], sizes: list[int]) -> float:
        """Train on few and on more rows of middling length, tag as many, and scale up."""
        lengths = np.array([len(row.tokens) for row in sentences_of(rows.texts)])
        middle = np.argsort(np.abs(lengths - lengths.mean()), kind="stable")[:TRIED_ROWS]
        names, quick = self.names(rows), self._once()

        def tried(count: int) -> tuple[float, float]:
            """Return the seconds of training on some rows, and of tagging as many of each split."""
            began = time.monotonic()
            model = quick.train(rows.at(middle[:count]), names, 0)
            trained = time.monotonic()
            for part in held_out.values():
                model.outcomes(part.at(range(min(count, len(part)))))
            model.close()
            return trained - began, time.monotonic() - trained

        # Once to warm up: the first pass makes what later ones reuse.
        tried(FEW_ROWS)
        least, most = tried(FEW_ROWS), tried(TRIED_ROWS)
        more = max(1, len(middle) - FEW_ROWS)
        counts = [min(len(part), TRIED_ROWS) - FEW_ROWS for part in held_out.values()]
        per_row = max(0.0, most[0] - least[0]) / more
        per_tagged = max(0.0, most[1] - least[1]) / max(1, sum(max(0, n) for n in counts))
        trained = self.config.training.epochs * sum(sizes)
        measured = len(sizes) * sum(map(len, held_out.values()))
        seconds = len(sizes) * sum(least) + trained * per_row + measured * per_tagged
        return seconds / 3600.0

    def model_settings(self, seed: int) -> dict[str, Any]:
        """The training with the seed of the subset, and the encoder."""
        return {"training": self.trained, "encoder": self.start.identity, "seed": seed}

    def fit(
        self,
        rows: Examples,
        names: Sequence[str],
        seed: int,
        folder: Path,
        validation: Examples,
        start: Path | None = None,
    ) -> Fitted:
        """Fine-tune the tagger that is kept."""
        made = self._tune(rows, names, seed, folder)
        about = {"steps": made.steps, "training_seconds": float(made.seconds)}
        training = vars(replace(training_of(self.config), seed=seed))
        return Fitted(made.curve, about, training | {"device": made.device})

    def load(self, folder: Path) -> Tagger:
        """Return a tagger that was kept."""
        return self._tagger(folder, ExitStack())

    def _once(self) -> TokensLearner:
        training = self.config.training.model_copy(update={"epochs": 1})
        config = self.config.model_copy(update={"training": training})
        return TokensLearner(replace(self.given, config=config))

    def _tagger(self, folder: Path, held: ExitStack) -> Tagger:
        return Tagger(folder, self.config.training.max_length, self.given.device(), held)

    def _tune(self, rows: Examples, names: Sequence[str], seed: int, folder: Path) -> Any:
        from sluice.models.token_fine_tune import token_fine_tune

        sentences = sentences_of(rows.texts)
        return token_fine_tune(
            [each.tokens for each in sentences],
            [each.tags for each in sentences],
            names,
            replace(training_of(self.config), seed=seed),
            self.start.found(),
            folder,
            self.given.device(),
            weights=rows.weights,
        )


def plain_encoder(config: DatasetConfig) -> str:
    """Return the identity of the encoder that was not trained further."""
    chosen = config.encoder
    return TextEncoder(chosen.model, chosen.max_length, chosen.batch_size).identity


def training_of(config: DatasetConfig) -> TrainingConfig:
    """Return how a dataset's taggers are trained; the seed is that of each subset."""
    chosen = config.training
    return TrainingConfig(
        epochs=chosen.epochs,
        learning_rate=chosen.learning_rate,
        batch_size=chosen.batch_size,
        max_length=chosen.max_length,
        weight_decay=chosen.weight_decay,
        warmup_share=chosen.warmup_share,
        seed=0,
    )


def sentences_of(texts: Sequence[str]) -> list[Sentence]:
    """Return rows as tagged sentences."""
    return [read_sentence(text).sentence for text in texts]
