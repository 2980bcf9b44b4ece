"""What a `dataset.yaml` may say: the models and the rules that hold between their fields."""

from __future__ import annotations

import importlib
from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from sluice.errors import UnknownNameError

Task = Literal["text"]
TASKS: tuple[str, ...] = get_args(Task)


def _known_task(task: object) -> object:
    if task not in TASKS:
        raise ValueError(f"is not a known task; known: {', '.join(TASKS)}")
    return task


def _relative(pattern: str) -> str:
    # Windows' rules too, so that a dataset means the same wherever it is copied to.
    windows, posix = PureWindowsPath(pattern), PurePosixPath(pattern)
    if not pattern.strip():
        raise ValueError("is empty; write a file name such as data.csv or a pattern such as *.csv")
    if posix.is_absolute() or windows.drive or windows.root or ".." in windows.parts:
        raise ValueError("leaves the dataset's folder; write a path relative to it, without '..'")
    return pattern


def _budget(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("is not a number; write a count such as 500 or a share such as 0.1")
    if isinstance(value, int) and value < 1:
        raise ValueError("keeps no row; write a count of at least 1 or a share such as 0.1")
    if isinstance(value, float) and not 0 < value < 1:
        raise ValueError("is not a share between 0 and 1; write a count without a point")
    return value


def _distinct(values: list[Any]) -> list[Any]:
    twice = [value for place, value in enumerate(values) if value in values[:place]]
    if twice:
        raise ValueError(f"names {twice[0]!r} twice; remove one")
    return values


def _known_selectors(names: list[str] | None) -> list[str] | None:
    if names:
        # By name and only here: the registry lies above the data in the house's layers, and a
        # configuration that names no selector must not load them.
        registry = importlib.import_module("sluice.subsets.registry")
        known = sorted(registry.SELECTORS)
        for name in names:
            if name not in known:
                raise ValueError(
                    f"names an unknown one: {UnknownNameError.of('selector', name, known)}"
                )
    return names


Share = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]
Budget = Annotated[
    int | float,
    BeforeValidator(_budget),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1},
                {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            ]
        }
    ),
]
ColumnName = Annotated[str, Field(min_length=1)]


class Section(BaseModel):
    """A part of `dataset.yaml`: unknown keys and wrong types are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Columns(Section):
    """Which column of the files means what."""

    text: ColumnName = Field(description="Column that holds the text.")
    label: ColumnName = Field(description="Column that holds the class, as text or number.")
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

    @model_validator(mode="after")
    def _one_meaning_each(self) -> Columns:
        named = [name for name in self.model_dump().values() if name is not None]
        for place, name in enumerate(named):
            if name in named[:place]:
                raise ValueError(f"gives the column {name!r} two meanings; name one column each")
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


class Graph(Section):
    """The graph of nearest neighbours."""

    k: Positive = Field(default=15, description="Neighbours of each row.")
    slack: Annotated[int, Field(ge=0)] = Field(
        default=15,
        description="Further neighbours kept, so that changes are patched and not recomputed.",
    )


class Evaluation(Section):
    """How a subset's worth is measured."""

    folds: Annotated[int, Field(ge=2)] = Field(
        default=5, description="Folds of the out-of-fold scores (margins, label noise)."
    )
    resamples: Positive = Field(default=2000, description="Bootstrap resamples of an interval.")
    confidence: Share = Field(default=0.95, description="Confidence of an interval.")


class Training(Section):
    """Fine-tuning on the chosen subset."""

    enabled: bool = Field(default=True, description="Whether a model is fine-tuned at all.")
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


class DatasetConfig(Section):
    """A dataset: its files, what they mean and what is done with them."""

    task: Annotated[Task, BeforeValidator(_known_task)] = Field(
        description="What the dataset is for."
    )
    files: Annotated[
        list[Annotated[str, AfterValidator(_relative)]],
        Field(min_length=1),
        AfterValidator(_distinct),
    ] = Field(
        description="Files (.csv, .tsv, .jsonl, .parquet) or patterns, relative to the folder."
    )
    columns: Columns = Field(description="Which column means what.")
    split: Split = Field(default=Split(), description="Validation and test shares.")
    encoder: Encoder = Field(default=Encoder(), description="What embeds the texts.")
    graph: Graph = Field(default=Graph(), description="The graph of nearest neighbours.")
    selectors: Annotated[
        list[str] | None,
        AfterValidator(lambda n: n if n is None else _distinct(n)),
        AfterValidator(_known_selectors),
    ] = Field(default=None, description="Methods to compare; without it the task's short list.")
    budgets: Annotated[list[Budget], Field(min_length=1), AfterValidator(_distinct)] = Field(
        default=[0.01, 0.02, 0.05, 0.10, 0.20],
        description="Sizes of the subsets: counts (500) or shares of the training rows (0.05).",
    )
    seeds: Annotated[
        list[Annotated[int, Field(ge=0)]], Field(min_length=1), AfterValidator(_distinct)
    ] = Field(default=[0, 1, 2, 3, 4], description="Seeds of the methods that use one.")
    chosen_budget: Budget = Field(
        default=0.10, description="The budget, among budgets, whose best subset trains the model."
    )
    evaluation: Evaluation = Field(
        default=Evaluation(), description="How a subset's worth is measured."
    )
    training: Training = Field(default=Training(), description="Fine-tuning.")
    limits: Limits = Field(default=Limits(), description="What a row may be at most.")
    plots: bool = Field(
        default=True,
        description="Whether stages draw plots for the Dagster UI; the report always has its own.",
    )

    @model_validator(mode="after")
    def _chosen_among_budgets(self) -> DatasetConfig:
        if self.chosen_budget not in self.budgets:
            raise ValueError(
                f"has chosen_budget {self.chosen_budget!r}, which is not among budgets "
                f"{self.budgets}; add it there or choose one of them"
            )
        return self
