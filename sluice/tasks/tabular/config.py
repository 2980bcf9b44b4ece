"""The `dataset.yaml` of the task tabular."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from sluice.data.config.base import distinct
from sluice.data.config.columns import ColumnName, Columns
from sluice.data.config.sections import Encoding
from sluice.tasks.config import TaskConfig

ColumnType = Literal["numeric", "categorical", "boolean", "date"]


class TableColumns(Columns, frozen=True):
    """Which column of the files means what."""

    label: ColumnName = Field(description="Column that holds the class.")
    features: Annotated[list[ColumnName], Field(min_length=1), AfterValidator(distinct)] | None = (
        Field(
            default=None,
            description="Columns that are learnt from; without it all that have no other meaning.",
        )
    )
    types: dict[ColumnName, ColumnType] = Field(
        default={},
        description="Types of columns of a table, where the values mislead: numeric, categorical, "
        "boolean or date. A column that is not here shows its type by its training rows.",
    )

    own: ClassVar[tuple[str, ...]] = ("label",)
    advice: ClassVar[Mapping[str, str]] = {
        "text": "remove it, and name the columns to learn from under features (without it, all "
        "that have no other meaning)",
    }

    @property
    def named(self) -> list[str]:
        """Every column that means something."""
        return [*self.special.values(), *(self.features or [])]

    @model_validator(mode="after")
    def _types_of_features(self) -> Self:
        for name in self.types:
            if name in self.special.values() or name not in (self.features or [name]):
                raise ValueError(
                    f"gives a type to the column {name!r}, which is not among the features; "
                    "remove it from types"
                )
        return self


class TabularConfig(TaskConfig, frozen=True):
    """A table whose rows have classes."""

    task: Literal["tabular"] = Field(description="What the dataset is for.")
    columns: TableColumns = Field(description="Which column means what.")
    encoding: Encoding = Field(default=Encoding(), description="What makes a vector of a row.")

    not_read: ClassVar[Mapping[str, str]] = {
        "encoder": "write encoding instead",
        "training.warm_start": "classifiers of tables are always trained anew",
        "evaluation.held_out_rows": "remove it",
        "evaluation.answers": "remove it",
        "evaluation.max_hours": "remove it",
    }
    elsewhere: ClassVar[Mapping[str, str]] = {"encoding": "write encoder instead"}
