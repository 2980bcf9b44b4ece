"""What every section of a `dataset.yaml` shares."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[int, Field(ge=1, le=2**31 - 1)]
Seed = Annotated[int, Field(ge=0, le=2**63 - 1)]


def distinct(values: list[Any]) -> list[Any]:
    """Return the values, or raise ValueError where one repeats."""
    seen: set[Any] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"names {value!r} twice; remove one")
        seen.add(value)
    return values


class Section(BaseModel):
    """A part of `dataset.yaml`: unknown keys, wrong types and numbers that are none are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
