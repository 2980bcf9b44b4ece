"""The sections of a `dataset.yaml`, each one model with its own rules."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from sluice.data.config_names import known_family

ColumnType = Literal["numeric", "categorical", "boolean", "date"]
Share = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]
ColumnName = Annotated[str, Field(min_length=1)]


def distinct(values: list[Any]) -> list[Any]:
    """Return the values, or raise ValueError where one repeats."""
    twice = [value for place, value in enumerate(values) if value in values[:place]]
    if twice:
        raise ValueError(f"names {twice[0]!r} twice; remove one")
    return values


class Section(BaseModel):
    """A part of `dataset.yaml`: unknown keys and wrong types are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Columns(Section):
    """Which column of the files means what."""

    text: ColumnName | None = Field(
        default=None, description="Column that holds the text; the task text needs it."
    )
    label: ColumnName = Field(description="Column that holds the class, as text or number.")
    features: Annotated[list[ColumnName], Field(min_length=1), AfterValidator(distinct)] | None = (
        Field(
            default=None,
            description="Columns of a table that are learnt from, for the task tabular; without it "
            "all that have no other meaning.",
        )
    )
    id: ColumnName | None = Field(
        default=None, description="Column that names each row once; without it the content does."
    )
    group: ColumnName | None = Field(
        default=None, description="Column whose equal values stay on one side of the split."
    )
    split: ColumnName | None = Field(
        default=None,
        description="Column that says train, validation or test; without it hashes decide.",
    )
    types: dict[ColumnName, ColumnType] = Field(
        default={},
        description="Types of columns of a table, where the values mislead: numeric, categorical, "
        "boolean or date. A column that is not here shows its type by its training rows.",
    )

    @property
    def special(self) -> dict[str, str]:
        """Meaning to column, for every column with a meaning of its own."""
        known = {
            "text": self.text,
            "label": self.label,
            "id": self.id,
            "group": self.group,
            "split": self.split,
        }
        return {meaning: name for meaning, name in known.items() if name is not None}

    @model_validator(mode="after")
    def _one_meaning_each(self) -> Columns:
        special = list(self.special.values())
        named = [*special, *(self.features or [])]
        for place, name in enumerate(named):
            if name in named[:place]:
                raise ValueError(f"gives the column {name!r} two meanings; name one column each")
        for name in self.types:
            if name in special or (self.features is not None and name not in self.features):
                raise ValueError(
                    f"gives a type to the column {name!r}, which is not among the features; "
                    "remove it from types"
                )
        return self


class Split(Section):
    """Shares of the rows that selection never sees."""

    validation: Share = Field(
        default=0.1, description="Share of the rows that decides between subsets."
    )
    test: Share = Field(default=0.1, description="Share of the rows that is only reported.")

    @model_validator(mode="after")
    def _leave_training_rows(self) -> Split:
        if self.validation + self.test >= 1:
            raise ValueError("leaves no row to train on; make validation and test sum below 1")
        return self


class Encoder(Section):
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


class Encoding(Section):
    """What turns a row of a table into a vector, for the task tabular."""

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


class Graph(Section):
    """The graph of nearest neighbours."""

    k: Positive = Field(default=15, description="Neighbours of each row.")
    slack: Annotated[int, Field(ge=0)] = Field(
        default=15,
        description="Further neighbours kept, so that changes are patched and not recomputed.",
    )


Family = Annotated[str, AfterValidator(known_family)]


class Evaluation(Section):
    """How a subset's worth is measured."""

    learner: Family | None = Field(
        default=None,
        description="Classifier that is trained on each subset: a family such as logistic, tree or "
        "random_forest; without it the task's own (text: a logistic head, tabular: random_forest).",
    )
    folds: Annotated[int, Field(ge=2)] = Field(
        default=5, description="Folds of the out-of-fold scores (margins, label noise)."
    )
    resamples: Positive = Field(default=2000, description="Bootstrap resamples of an interval.")
    confidence: Share = Field(default=0.95, description="Confidence of an interval.")


class Training(Section):
    """Training of the model on the chosen subset."""

    enabled: bool = Field(default=True, description="Whether a model is trained at all.")
    family: Family | None = Field(
        default=None,
        description="Classifier of the task tabular, such as gradient_boosting; without it "
        "random_forest.",
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
    seed: Annotated[int, Field(ge=0)] = Field(
        default=0, description="Seed of weights, order and dropout."
    )
    warm_start: bool = Field(
        default=False,
        description="Start from the last model of this dataset instead of the encoder. The model "
        "then depends on all that it was trained on before, rows since deleted included, and a "
        "rebuild, which starts from the encoder, gives another.",
    )


class Limits(Section):
    """What a row may be at most."""

    max_characters: Positive = Field(
        default=100_000, description="Longest text in characters; longer ones are set aside."
    )
