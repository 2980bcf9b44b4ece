"""The `dataset.yaml` of the task tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from sluice.data.config.base import Positive, Section
from sluice.data.config.columns import ColumnName, Columns
from sluice.data.config.dataset_config import Budgets
from sluice.tasks.config import TaskConfig, Training
from sluice.tasks.tokens.adaptation import Adaptation


class SentenceColumns(Columns, frozen=True):
    """Which key of JSONL files means what; the columns of CoNLL files have no names."""

    tokens: ColumnName | None = Field(
        default=None, description="Key of lists of words, in JSONL files; without it tokens."
    )
    tags: ColumnName | None = Field(
        default=None,
        description="Key of lists of one BIO tag a word, in JSONL files; without it tags.",
    )

    advice: ClassVar[Mapping[str, str]] = {
        "text": "write tokens and tags, or remove it: CoNLL files need no column named",
        "label": "remove it: the types of a sentence's spans are its label",
    }

    @property
    def named(self) -> list[str]:
        """Every column that means something."""
        return [*super().named, *(name for name in (self.tokens, self.tags) if name is not None)]


class Bio(Section, frozen=True):
    """Tags of words."""

    repair: bool = Field(
        default=False,
        description="Whether an I-TYPE that continues nothing becomes B-TYPE; without it such a "
        "sentence is set aside.",
    )


class Features(Section, frozen=True):
    """What a tagged sentence is about: the features whose quotas are filled."""

    kind: Literal["type", "lemma"] = Field(
        default="type",
        description="type: the types of its spans. lemma: the words of each span, without case.",
    )


class Uncertainty(Section, frozen=True):
    """The tagger whose uncertainty the selector mnlp reads."""

    sample_rows: Positive = Field(
        default=256,
        description="Training rows, drawn by a hash of the id, that the tagger is trained on; at "
        "most half of all.",
    )
    refit_drift: Annotated[float, Field(ge=0)] = Field(
        default=0.2,
        description="Share of these rows that may change before the tagger is trained again.",
    )


class TaggerTraining(Training, frozen=True):
    """Training of a tagger on the chosen subset.

    The defaults are those that validation chose on the WNUT tweets (benchmarks/token_selection.py).
    """

    epochs: Positive = Field(default=2, description="Passes over the subset.")
    learning_rate: Annotated[float, Field(gt=0)] = Field(
        default=3e-4, description="Peak learning rate."
    )
    warmup_share: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.0, description="Share of the steps in which the learning rate rises."
    )


class TokensConfig(TaskConfig, frozen=True):
    """A dataset of sentences with a tag for each word."""

    task: Literal["tokens"] = Field(description="What the dataset is for.")
    columns: SentenceColumns = Field(
        default=SentenceColumns(), description="Which column means what."
    )
    bio: Bio = Field(default=Bio(), description="Tags of words.")
    features: Features = Field(default=Features(), description="What a sentence is about.")
    adaptation: Adaptation | None = Field(
        default=None,
        description="Where it is there, taggers start from an encoder that was trained further on "
        "the training rows.",
    )
    uncertainty: Uncertainty = Field(
        default=Uncertainty(), description="What the selector mnlp reads."
    )
    budgets: Budgets = Field(
        default=[0.10, 0.25, 0.50],
        description="Sizes of the subsets: counts (500) or shares of the training rows (0.05).",
    )
    training: TaggerTraining = Field(default=TaggerTraining(), description="Training of the model.")

    not_read: ClassVar[Mapping[str, str]] = {
        "reading": "remove it",
        "training.family": "the task tokens fine-tunes its encoder",
        "training.warm_start": "taggers are always fine-tuned anew",
        "evaluation.learner": "the task tokens fine-tunes its encoder on each subset",
        "evaluation.held_out_rows": "remove it",
        "evaluation.answers": "remove it",
    }
    elsewhere: ClassVar[Mapping[str, str]] = {
        "features": "write columns.features for those of a table, or remove it"
    }
    of_datasets: ClassVar[frozenset[str]] = TaskConfig.of_datasets | {"adaptation"}
