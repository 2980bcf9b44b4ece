"""What every section of a `dataset.yaml` shares."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

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


class Section(BaseModel, frozen=True):
    """A part of `dataset.yaml`: unknown keys, wrong types and numbers that are none are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


def keys_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields of a section by every key that a file may call them, new ones first."""
    fields = dict(model.model_fields)
    for field in model.model_fields.values():
        if isinstance(field.validation_alias, AliasChoices):
            fields |= {str(key): field for key in field.validation_alias.choices[1:]}
    return fields
