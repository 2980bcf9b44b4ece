"""What the `dataset.yaml` of every task shares: names of methods are checked here.

The registries of methods load only where a configuration names one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationInfo, field_validator

from sluice.core.errors import UnknownNameError
from sluice.data.config import DatasetConfig, sections

if TYPE_CHECKING:
    from sluice.subsets.contract import Selector

_SCALARS = (bool, int, float, str, type(None))


class Evaluation(sections.Evaluation, frozen=True):
    """How a subset's worth is measured."""

    @field_validator("learner")
    @classmethod
    def _known_family(cls, name: str | None) -> str | None:
        return known_family(name)


class Training(sections.Training, frozen=True):
    """Training of the model on the chosen subset."""

    @field_validator("family")
    @classmethod
    def _known_family(cls, name: str | None) -> str | None:
        return known_family(name)


class TaskConfig(DatasetConfig, frozen=True):
    """A dataset of some task."""

    evaluation: Evaluation = Field(
        default=Evaluation(), description="How a subset's worth is measured."
    )
    training: Training = Field(default=Training(), description="Training of the model.")

    @field_validator("selectors")
    @classmethod
    def _selectors_of_the_task(
        cls, names: list[str] | None, info: ValidationInfo
    ) -> list[str] | None:
        if names and "task" in info.data:
            check_selectors(names, info.data["task"])
        return names

    @field_validator("options")
    @classmethod
    def _options_of_the_selectors(
        cls, options: dict[str, dict[str, Any]], info: ValidationInfo
    ) -> dict[str, dict[str, Any]]:
        if options and "task" in info.data:
            check_options(options, info.data["task"])
        return options


def known_family(name: str | None) -> str | None:
    """Return the name of a family of classifiers or None, or raise ValueError."""
    if name is None:
        return None
    from sluice.heads.families import FAMILIES

    if name not in FAMILIES:
        problem = UnknownNameError.of("family", name, list(FAMILIES))
        raise ValueError(f"names an unknown one: {problem}")
    return name


def check_selectors(names: Sequence[str], task: str) -> None:
    """Raise ValueError unless every name is a selector of the task."""
    known = sorted(_selectors(task))
    for name in names:
        if name not in known:
            raise ValueError(f"names an unknown one: {_unknown(name, task, known)}")


def check_options(options: Mapping[str, Mapping[str, Any]], task: str) -> None:
    """Raise ValueError unless every option is one of its selector, with a value that YAML holds.

    What a value may be is the method's own rule, checked where it runs.
    """
    known = _selectors(task)
    for name, chosen in options.items():
        if name not in known:
            raise ValueError(f"names an unknown selector: {_unknown(name, task, sorted(known))}")
        accepted = list(known[name].options)
        for option, value in chosen.items():
            if option not in accepted:
                raise ValueError(str(UnknownNameError.of(f"option of {name}", option, accepted)))
            check_value(name, option, value)


def check_value(name: str, option: str, value: Any) -> None:
    """Raise ValueError unless an option's value is one that YAML holds."""
    parts = value if isinstance(value, list) else [value]
    finite = all(math.isfinite(part) for part in parts if isinstance(part, float))
    if not finite or not all(isinstance(part, _SCALARS) for part in parts):
        raise ValueError(
            f"gives {name}.{option} the value {str(value)[:80]}; write a number, a text, true, "
            "false, or a list of those"
        )


def _selectors(task: str) -> dict[str, Selector]:
    from sluice.subsets.registry import selectors_for

    return {each.name: each for each in selectors_for(task)}


def _unknown(name: str, task: str, known: list[str]) -> str:
    from sluice.subsets.registry import SELECTORS

    elsewhere = SELECTORS.get(name)
    if elsewhere is None:
        return str(UnknownNameError.of("selector", name, known))
    tasks = ", ".join(sorted(elsewhere.tasks))
    return f"{name} is for {tasks} and not for {task}. Known: {', '.join(known)}."
