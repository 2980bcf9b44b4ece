"""What every section of a `dataset.yaml` shares."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]


def distinct(values: list[Any]) -> list[Any]:
    """Return the values, or raise ValueError where one repeats."""
    twice = [value for place, value in enumerate(values) if value in values[:place]]
    if twice:
        raise ValueError(f"names {twice[0]!r} twice; remove one")
    return values


class Section(BaseModel):
    """A part of `dataset.yaml`: unknown keys and wrong types are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
