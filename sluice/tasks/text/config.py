"""The `dataset.yaml` of the task text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from sluice.data.config.columns import ColumnName, Columns
from sluice.data.config.language import LanguageModel
from sluice.tasks.config import TaskConfig
from sluice.tasks.text.label_noise import LabelNoise
from sluice.tasks.text.labelling import Labelling


class TextColumns(Columns, frozen=True):
    """Which column of the files means what."""

    text: ColumnName = Field(description="Column that holds the text.")
    label: ColumnName = Field(description="Column that holds the class.")

    own: ClassVar[tuple[str, ...]] = ("text", "label")


class TextConfig(TaskConfig, frozen=True):
    """A dataset of texts with classes."""

    task: Literal["text"] = Field(description="What the dataset is for.")
    columns: TextColumns = Field(description="Which column means what.")
    language_model: LanguageModel = Field(
        default=LanguageModel(),
        description="What rewrites texts, where label_noise has generator: rewriting.",
    )
    labelling: Labelling | None = Field(
        default=None,
        description="Where it is there, rows without a label are kept apart and not set aside, and "
        "the next ones to label are asked for.",
    )
    label_noise: LabelNoise | None = Field(
        default=None,
        description="Where it is there, training rows whose given label is not to be trusted are "
        "looked for, and what leaving them out is worth is measured.",
    )

    not_read: ClassVar[Mapping[str, str]] = {
        "training.family": "the task text fine-tunes its encoder",
        "evaluation.held_out_rows": "remove it",
        "evaluation.answers": "remove it",
        "evaluation.max_hours": "remove it",
    }
    of_datasets: ClassVar[frozenset[str]] = TaskConfig.of_datasets | {"labelling", "label_noise"}

    @property
    def keeps_unlabelled(self) -> bool:
        """Whether rows without a label are kept, as `labelling` says."""
        return self.labelling is not None

    @model_validator(mode="after")
    def _language_model_that_rewrites(self) -> Self:
        rewrites = self.label_noise is not None and self.label_noise.generator == "rewriting"
        if self.language_model != LanguageModel() and not rewrites:
            raise ValueError(
                "has language_model, which the task text reads for label_noise with generator: "
                "rewriting alone; add that, or remove it"
            )
        return self
