"""Turns pydantic's errors into sentences about `dataset.yaml`."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from sluice.data.config.base import keys_of

Location = tuple[int | str, ...]
Foreign = Callable[[Location], tuple[Location, str] | None]

_LISTED = 20
# pydantic speaks of Python's types; people write YAML.
_WISHES = {
    "model_type": "should hold keys and values",
    "dict_type": "should hold keys and values",
    "list_type": "should be a list, such as [a, b]",
    "string_type": "should be text",
    "string_too_short": "should not be empty",
    "too_short": "should hold at least one value",
    "finite_number": "should be a finite number",
    "bool_type": "should be true or false",
    "int_type": "should be a whole number",
    "int_from_float": "should be a whole number",
    "float_type": "should be a number",
}


def explain(
    error: ValidationError, model: type[BaseModel], foreign: Foreign = lambda place: None
) -> str:
    """Say what is wrong, a line for each wrong key.

    Parameters
    ----------
    error : ValidationError
        What pydantic raised for `model`.
    model : type of BaseModel
        The model, to know which keys exist.
    foreign : callable, optional
        Says of the place of an unknown key what else is known of it: where the problem is, and
        what.

    Returns
    -------
    str
        Lines such as ``"  columns.lable: unknown key ..."``.
    """
    details = error.errors(include_url=False)
    lines = [f"  {_line(detail, model, foreign)}" for detail in details[:_LISTED]]
    if len(details) > _LISTED:
        lines.append(f"  and {len(details) - _LISTED:,} more.")
    return "\n".join(lines)


def _line(detail: ErrorDetails, model: type[BaseModel], foreign: Foreign) -> str:
    place, kind = detail["loc"], detail["type"]
    key = _dotted(place)
    if kind == "extra_forbidden":
        known = foreign(place)
        if known is not None:
            return f"{_dotted(known[0])}: {known[1]}."
        field = _field(place, model)
        if field is not None:
            return f"{key}: is said by two keys, an old name and a new one; remove the old one."
        return f"{key}: unknown key. {_nearest(place, model)}"
    if kind == "missing" and place[:-1] == ("columns",):
        meaning = _meaning(place, model).strip(" ()")
        return f"columns: lacks {place[-1]}; name the {meaning}."
    if kind == "missing":
        return f"{key}: missing. Add it{_meaning(place, model)}."
    value = _short(detail["input"])
    if kind == "value_error":
        problem = str(detail.get("ctx", {}).get("error", detail["msg"]))
        if isinstance(detail["input"], dict):
            # A rule between several keys; the whole section would be no help as the value.
            return f"{key}: {problem}."
        return f"{key}: {value} {problem.removesuffix('.')}."
    wish = _WISHES.get(kind, detail["msg"].removeprefix("Input "))
    return f"{key}: {value} is not valid; it {wish}{_hint(kind, detail['input'])}."


def _dotted(place: Location) -> str:
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "the file"


def _hint(kind: str, value: object) -> str:
    if kind == "string_type" and isinstance(value, int | float | bool):
        return ", so put it in quotes"
    return ""


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _section(place: Location, model: type[BaseModel]) -> type[BaseModel] | None:
    """Return the model that holds the last key of `place`."""
    current = model
    for part in place[:-1]:
        field = keys_of(current).get(str(part))
        if field is None:
            return None
        options: list[Any] = [field.annotation, *get_args(field.annotation)]
        models = [o for o in options if isinstance(o, type) and issubclass(o, BaseModel)]
        if not models:
            return None
        current = models[0]
    return current


def _nearest(place: Location, model: type[BaseModel]) -> str:
    section = _section(place, model)
    if section is None:
        return "Remove it."
    known = list(section.model_fields)
    near = get_close_matches(str(place[-1]), known, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]}?" if near else "Remove it."
    return f"{hint} Known here: {', '.join(known)}."


def _field(place: Location, model: type[BaseModel]) -> FieldInfo | None:
    section = _section(place, model)
    return keys_of(section).get(str(place[-1])) if section is not None else None


def _meaning(place: Location, model: type[BaseModel]) -> str:
    field = _field(place, model)
    if field is None or field.description is None:
        return ""
    return f" ({field.description[0].lower()}{field.description[1:].removesuffix('.')})"
