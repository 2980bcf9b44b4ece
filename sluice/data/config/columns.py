"""The section `columns` of a `dataset.yaml`: which column means what, as far as all tasks agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from sluice.data.config.base import Section

ColumnName = Annotated[str, Field(min_length=1)]


class Columns(Section, frozen=True):
    """Which column of the files means what; a task adds its own."""

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

    advice: ClassVar[Mapping[str, str]] = {}
    """Key of another task's columns to what to do instead, where that is not to remove it."""
    own: ClassVar[tuple[str, ...]] = ()
    """Keys of columns that hold one text a row, beside those that all tasks have."""

    @property
    def special(self) -> dict[str, str]:
        """Meaning to column, for columns of one text a row."""
        known = {key: getattr(self, key) for key in (*self.own, "id", "group", "split")}
        return {meaning: name for meaning, name in known.items() if name is not None}

    @property
    def named(self) -> list[str]:
        """Every column that means something."""
        return list(self.special.values())

    @model_validator(mode="after")
    def _one_meaning_each(self) -> Self:
        named = self.named
        for place, name in enumerate(named):
            if name in named[:place]:
                raise ValueError(f"gives the column {name!r} two meanings; name one column each")
        return self
