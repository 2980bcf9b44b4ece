"""The `dataset.yaml` of the task instructions."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, cast

from pydantic import AliasChoices, Field, model_validator

from sluice.data.config.base import Positive, Section, Seed
from sluice.data.config.columns import ColumnName, Columns
from sluice.data.config.dataset_config import Budgets
from sluice.data.config.language import LanguageModel
from sluice.tasks.config import TaskConfig, Training

FORMS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "messages": (("messages",), ()),
    "pairs": (("prompt", "response"), ("input",)),
    "alpaca": (("instruction", "output"), ("input",)),
}
"""Form of instructions to the columns that it must name and those that it may."""
COMPANIONS = ("system", "history")
"""Columns that may stand beside any form."""


class ConversationColumns(Columns, frozen=True):
    """Which column of the files means what; they show their form where none is named."""

    messages: ColumnName | None = Field(
        default=None,
        description="Column of chat messages: lists of {role, content} or {from, value}.",
    )
    prompt: ColumnName | None = Field(default=None, description="Column of prompts; with response.")
    response: ColumnName | None = Field(
        default=None, description="Column of responses; with prompt."
    )
    instruction: ColumnName | None = Field(
        default=None, description="Column of instructions in the Alpaca form; with output."
    )
    input: ColumnName | None = Field(
        default=None,
        description="Column of what an instruction or prompt is about; blank where there is "
        "nothing.",
    )
    output: ColumnName | None = Field(
        default=None, description="Column of responses in the Alpaca form; with instruction."
    )
    system: ColumnName | None = Field(
        default=None, description="Column of system messages; blank where there is none."
    )
    history: ColumnName | None = Field(
        default=None,
        description="Column of earlier turns: lists of messages, or of pairs of a prompt and its "
        "response.",
    )
    family: ColumnName | None = Field(
        default=None,
        description="Column of the kind of task of a row; without it all rows are of one family.",
    )
    tags: ColumnName | None = Field(
        default=None,
        description="Column of what a row is about: lists, or texts with commas between; without "
        "it tags are mined.",
    )
    quality: ColumnName | None = Field(
        default=None,
        description="Column of numbers of at least 0: how good a row is; without it a score of "
        "the language model says so.",
    )

    advice: ClassVar[Mapping[str, str]] = {
        "label": "write family instead, or remove it",
        "text": "write messages, or prompt and response, or instruction and output",
    }

    @property
    def special(self) -> dict[str, str]:
        """Meaning to column, for columns of one text a row; a family is the label of its row."""
        return ({} if self.family is None else {"label": self.family}) | super().special

    @property
    def form(self) -> dict[str, str]:
        """Part of a form to column, for those that are named."""
        needed = (part for needed, more in FORMS.values() for part in needed + more)
        parts = {part: getattr(self, part) for part in (*needed, *COMPANIONS)}
        return {part: name for part, name in parts.items() if name is not None}

    @property
    def beside(self) -> list[str]:
        """The columns of tags and quality that are named."""
        return [name for name in (self.tags, self.quality) if name is not None]

    @property
    def named(self) -> list[str]:
        """Every column that means something."""
        return [*self.special.values(), *self.form.values(), *self.beside]

    @model_validator(mode="after")
    def _one_whole_form(self) -> Self:
        parts = [part for part in self.form if part not in COMPANIONS]
        # An input alone is of the Alpaca form.
        first = next((part for part in parts if part != "input"), "input")
        for needed, more in reversed(FORMS.values()):
            if not parts or first not in needed + more:
                continue
            foreign = [part for part in parts if part not in needed + more]
            if foreign:
                raise ValueError(
                    f"names {first} and {foreign[0]}, which are of two forms; name messages, or "
                    "prompt and response, or instruction, output and input"
                )
            absent = [part for part in needed if part not in parts]
            if absent:
                raise ValueError(f"has {first} without {absent[0]}; name that column, too")
        return self


class NoisyCopies(Section, frozen=True):
    """Noisy copies of a row, whose loss `s_ifd` compares."""

    copies: Positive = Field(default=3, description="Noisy copies of each row.")
    noise: Annotated[float, Field(gt=0)] = Field(
        default=5.0, description="Strength of the noise on the token embeddings."
    )
    seed: Seed = Field(default=0, description="Seed of the noise, with the id of the row.")
    tokens: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.5, description="Share of the response tokens, the most informative, that count."
    )

    @model_validator(mode="before")
    @classmethod
    def _without_what_was_never_read(cls, raw: object) -> object:
        if not isinstance(raw, Mapping):
            return raw
        given = dict(cast("Mapping[str, Any]", raw))
        for key in ("mode", "empty_tokens"):
            if key in given:
                del given[key]
                # Files of before may hold it; it never changed a number.
                warnings.warn(
                    f"noisy_copies (neighbours) in dataset.yaml has {key}, which nothing reads; "
                    "remove it.",
                    FutureWarning,
                    stacklevel=2,
                )
        return given


class Gradients(Section, frozen=True):
    """Gradient features of rows, for influence."""

    dimension: Positive = Field(
        default=2048, description="Numbers that a gradient is projected to."
    )
    rank: Positive = Field(default=8, description="Rank of the LoRA layers.")
    warmup_rows: Positive = Field(
        default=64, description="Rows that warm the layers and the optimiser up."
    )
    validation_rows: Positive = Field(
        default=64, description="Validation rows whose gradients are served."
    )
    formula: Literal["less", "corrected"] = Field(
        default="less", description="Influence by the formula of LESS, or the corrected one."
    )
    refit_drift: Annotated[float, Field(ge=0)] = Field(
        default=0.2,
        description="Share of the warm-up rows that may change before the layers are warmed up "
        "again.",
    )


class Tagging(Section, frozen=True):
    """Tags that are mined where no column holds them."""

    phrases: Positive = Field(default=5, description="Key phrases taken from each prompt.")
    min_rows: Positive = Field(
        default=2,
        validation_alias=AliasChoices("min_rows", "fewest_rows"),
        description="Rows that a phrase must be found in to be a tag.",
    )
    language: Annotated[str, Field(min_length=2)] = Field(
        default="en", description="Language of the prompts, as two letters."
    )


class LoraTraining(Training, frozen=True):
    """Training of LoRA layers on the chosen subset."""

    epochs: Positive = Field(default=1, description="Passes over the subset.")
    learning_rate: Annotated[float, Field(gt=0)] = Field(
        default=2e-4, description="Peak learning rate."
    )
    max_length: Positive = Field(
        default=512, description="Longest text in tokens; the rest is cut off."
    )


class InstructionsConfig(TaskConfig, frozen=True):
    """A dataset of prompts with responses."""

    task: Literal["instructions"] = Field(description="What the dataset is for.")
    columns: ConversationColumns = Field(
        default=ConversationColumns(),
        description="Which column means what; the files show their form, so that nothing need be "
        "named.",
    )
    language_model: LanguageModel = Field(
        default=LanguageModel(), description="What reads and answers prompts."
    )
    noisy_copies: NoisyCopies = Field(
        default=NoisyCopies(),
        validation_alias=AliasChoices("noisy_copies", "neighbours"),
        description="Noisy copies of a row, whose loss s_ifd compares.",
    )
    gradients: Gradients = Field(
        default=Gradients(), description="Gradient features of rows, for influence."
    )
    tagging: Tagging = Field(
        default=Tagging(), description="Tags that are mined where no column holds them."
    )
    # A subset costs minutes of fine-tuning here, and not seconds.
    budgets: Budgets = Field(
        default=[0.05, 0.10],
        description="Sizes of the subsets: counts (500) or shares of the training rows (0.05).",
    )
    training: LoraTraining = Field(default=LoraTraining(), description="Training of the model.")

    not_read: ClassVar[Mapping[str, str]] = {
        "training.family": "the task instructions fine-tunes its language model",
        "training.warm_start": "language models are always fine-tuned anew",
        "evaluation.learner": "the task instructions fine-tunes its language model on each subset",
    }
