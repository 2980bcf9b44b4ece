"""What texts train: a head on frozen embeddings on each subset, and the encoder itself in the end.

The final model is the encoder with a classification layer, fine-tuned on the chosen subset.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sluice.data.config import DatasetConfig
from sluice.encoders.folder import resolve_model
from sluice.encoders.text import TextEncoder
from sluice.evaluation.learner import Classifier, Examples, Fitted
from sluice.evaluation.vector_learner import VectorLearner, saved_names
from sluice.models.training import TrainingConfig


@dataclass(frozen=True)
class FineTuned(Classifier):
    """A fine-tuned encoder in its folder."""

    folder: Path
    max_length: int
    device: str

    def probabilities(self, rows: Examples) -> tuple[list[str], NDArray[np.float64]]:
        """Return the classes, and the probability of each for each text."""
        from sluice.models.predict import predict

        likely = predict(self.folder, rows.texts, self.max_length, device=self.device)
        return saved_names(self.folder), likely


class TextLearner(VectorLearner):
    """A logistic head on the frozen embeddings; in the end a fine-tuned encoder."""

    what: ClassVar[str] = "heads"
    summary: ClassVar[str] = "A logistic head on the frozen embeddings"
    model_summary: ClassVar[str] = (
        "The encoder with a classification layer, fine-tuned (AdamW, linear schedule, cross "
        "entropy) on the subset that is best on validation at the chosen budget. With "
        "`training.warm_start` it starts from the last model in place of the encoder, so that the "
        "result depends on what was trained before, rows since deleted included; a rebuild starts "
        "from the encoder."
    )
    model_kinds: ClassVar[frozenset[str]] = frozenset({"torch", "huggingface"})
    model_heavy: ClassVar[bool] = True
    exact_weights: ClassVar[bool] = True
    warm_starts: ClassVar[bool] = True
    served: ClassVar[bool] = True
    requirements: ClassVar[tuple[str, ...]] = ("torch", "transformers", "safetensors")

    def model_settings(self, seed: int) -> dict[str, Any]:
        """The training, with a seed of its own, and the encoder that it starts from."""
        chosen = self.config.encoder
        encoder = TextEncoder(chosen.model, chosen.max_length).identity
        return {"training": training_config(self.config).version, "encoder": encoder}

    def fit(
        self,
        rows: Examples,
        names: Sequence[str],
        seed: int,
        folder: Path,
        validation: Examples,
        start: Path | None = None,
    ) -> Fitted:
        """Fine-tune the encoder, or a model of before."""
        from sluice.models.fine_tune import fine_tune

        training = training_config(self.config)
        made = fine_tune(
            rows.texts,
            rows.labels,
            names,
            training,
            start or resolve_model(self.config.encoder.model),
            folder,
            device=self.given.device(),
            validation=(validation.texts, validation.labels),
            weights=rows.weights,
        )
        about = {"steps": made.steps, "training_seconds": float(made.seconds)}
        return Fitted(made.curve, about, vars(training) | {"device": made.device})

    def load(self, folder: Path) -> FineTuned:
        """Return a fine-tuned encoder."""
        return FineTuned(folder, training_config(self.config).max_length, self.given.device())


def training_config(config: DatasetConfig) -> TrainingConfig:
    """Return how a dataset's model is trained."""
    chosen = config.training.model_dump(
        exclude={"enabled", "warm_start", "family", "deletion_margin"}
    )
    return TrainingConfig(**chosen)
