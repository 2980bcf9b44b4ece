"""The sections of a `dataset.yaml`, each one model with its own rules."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AliasChoices, Field, model_validator

from sluice.data.config.base import Positive, Section, Seed, Share


class Split(Section, frozen=True):
    """Shares of the rows that selection never sees."""

    validation: Share = Field(
        default=0.1, description="Share of the rows that decides between subsets."
    )
    test: Share = Field(default=0.1, description="Share of the rows that is only reported.")
    by: Literal["hash", "folder"] = Field(
        default="hash",
        description="hash: a hash of the row decides, by these shares. folder: the folder of a "
        "file, called train, validation or test, does, as in a saved Hugging Face DatasetDict.",
    )

    @model_validator(mode="after")
    def _leave_training_rows(self) -> Split:
        if self.validation + self.test >= 1:
            raise ValueError("leaves no row to train on; make validation and test sum below 1")
        return self


class Encoder(Section, frozen=True):
    """What turns a text into a vector."""

    model: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="Folder of the encoder; without it the one that Sluice ships with.",
    )
    max_length: Positive = Field(
        default=256, description="Longest text in tokens; the rest is cut off."
    )
    batch_size: Positive = Field(
        default=64, description="Texts per step; changes speed and memory only."
    )


class Encoding(Section, frozen=True):
    """What turns a row of a table into a vector."""

    categorical: Literal["one_hot", "ordinal"] = Field(
        default="one_hot",
        description="Categories as a column each (one_hot) or as one column of codes (ordinal).",
    )
    hash_above: Positive = Field(
        default=64,
        description="Columns with more categories than this are hashed where one_hot is chosen.",
    )
    hash_buckets: Annotated[int, Field(ge=2)] = Field(
        default=64, description="Columns that a hashed column becomes."
    )
    refit_drift: Annotated[float, Field(ge=0)] = Field(
        default=0.5,
        description="How far the training rows may move from those that the encoder was fitted on "
        "before it is fitted again: by mean or spread of a column in standard deviations, or by "
        "share of rows in other categories.",
    )


class Graph(Section, frozen=True):
    """The graph of nearest neighbours."""

    k: Positive = Field(default=15, description="Neighbours of each row.")
    slack: Annotated[int, Field(ge=0, le=2**31 - 1)] = Field(
        default=15,
        description="Further neighbours kept, so that changes are patched and not recomputed.",
    )


class Evaluation(Section, frozen=True):
    """How a subset's worth is measured."""

    learner: str | None = Field(
        default=None,
        description="Classifier that is trained on each subset: a family such as logistic, tree or "
        "random_forest; without it the task's own (text: a logistic head, tabular: random_forest).",
    )
    folds: Annotated[int, Field(ge=2)] = Field(
        default=5, description="Folds of the out-of-fold scores (margins, label noise)."
    )
    held_out_rows: Positive = Field(
        default=100,
        description="Rows of validation and of test that a tuned language model is measured on, "
        "drawn by the hash of the id.",
    )
    answers: bool = Field(
        default=True,
        description="Whether short reference answers are compared with what a tuned language "
        "model answers.",
    )
    max_hours: Annotated[float, Field(gt=0)] = Field(
        default=4.0,
        validation_alias=AliasChoices("max_hours", "most_hours"),
        description="Evaluations that are estimated to take longer do not start.",
    )
    tolerance: Share = Field(
        default=0.01,
        description="Loss against training on all rows that is none: 0.01 is a point of accuracy "
        "or F1, or of a loss one hundredth.",
    )
    resamples: Positive = Field(default=2000, description="Bootstrap resamples of an interval.")
    confidence: Share = Field(default=0.95, description="Confidence of an interval.")


class Training(Section, frozen=True):
    """Training of the model on the chosen subset."""

    enabled: bool = Field(default=True, description="Whether a model is trained at all.")
    family: str | None = Field(
        default=None,
        description="Classifier, such as gradient_boosting; without it random_forest.",
    )
    epochs: Positive = Field(default=3, description="Passes over the subset.")
    learning_rate: Annotated[float, Field(gt=0)] = Field(
        default=1e-4, description="Peak learning rate."
    )
    batch_size: Positive = Field(default=16, description="Rows per optimiser step.")
    max_length: Positive = Field(
        default=128, description="Longest text in tokens; the rest is cut off."
    )
    weight_decay: Annotated[float, Field(ge=0)] = Field(
        default=0.01, description="AdamW's weight decay."
    )
    warmup_share: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.1, description="Share of the steps in which the learning rate rises."
    )
    seed: Seed = Field(default=0, description="Seed of weights, order and dropout.")
    deletion_margin: Share = Field(
        default=0.01,
        description="A champion that was trained on rows since deleted gives way to a challenger "
        "unless that is shown to be worse by more than this.",
    )
    warm_start: bool = Field(
        default=False,
        description="Start from the last model of this dataset instead of the encoder. The model "
        "then depends on all that it was trained on before, rows since deleted included, and a "
        "rebuild, which starts from the encoder, gives another.",
    )


class Limits(Section, frozen=True):
    """What a row may be at most."""

    max_characters: Positive = Field(
        default=100_000, description="Longest text in characters; longer ones are set aside."
    )
