"""Names of methods in a `dataset.yaml`: whether they exist and belong to the dataset's task.

The registries lie above the data in the house's layers, so they are loaded by name and only here:
a configuration that names no method loads none.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

from sluice.core.errors import ConfigError, UnknownNameError

_SCALARS = (bool, int, float, str, type(None))


def known_family(name: str) -> str:
    """Return the name of a family of classifiers, or raise ValueError."""
    known = list(importlib.import_module("sluice.heads.families").FAMILIES)
    if name not in known:
        raise ValueError(f"names an unknown one: {UnknownNameError.of('family', name, known)}")
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
            _check_value(name, option, value)


def known_query(name: str) -> str:
    """Return the name of a query strategy, or raise ValueError."""
    known = list(_queries().STRATEGIES)
    if name not in known:
        raise ValueError(f"is unknown: {UnknownNameError.of('query strategy', name, known)}")
    return name


def check_query_options(name: str, options: Mapping[str, Any]) -> None:
    """Raise ValueError unless every option is one of the strategy, and names strategies where due.

    What another value may be is the strategy's own rule, checked where it runs.
    """
    accepted = list(_queries().strategy(name).options)
    for option, value in options.items():
        if option not in accepted:
            problem = UnknownNameError.of(f"option of {name}", option, accepted)
            raise ValueError(f"names an unknown option: {problem}")
        _check_value(name, option, value)
    try:
        _queries().needs_of(name, options)
    except (UnknownNameError, TypeError) as error:
        raise ValueError(f"gives {name} a strategy that is none: {error}") from None


def check_endpoint(options: Mapping[str, Any]) -> None:
    """Raise ValueError unless a service could be asked with these options; none is asked."""
    try:
        importlib.import_module("sluice.noise.endpoint").Endpoint(**options)
    except ConfigError as error:
        problem = str(error).removesuffix(".")
        raise ValueError(f"describes no service that can be asked: {problem}") from None


def _check_value(name: str, option: str, value: Any) -> None:
    parts = value if isinstance(value, list) else [value]
    finite = all(math.isfinite(part) for part in parts if isinstance(part, float))
    if not finite or not all(isinstance(part, _SCALARS) for part in parts):
        raise ValueError(
            f"gives {name}.{option} the value {str(value)[:80]}; write a number, a text, true, "
            "false, or a list of those"
        )


def _queries() -> Any:
    return importlib.import_module("sluice.subsets.queries.registry")


def _selectors(task: str) -> dict[str, Any]:
    registry = importlib.import_module("sluice.subsets.registry")
    return {name: each for name, each in registry.SELECTORS.items() if task in each.tasks}


def _unknown(name: str, task: str, known: list[str]) -> str:
    elsewhere = importlib.import_module("sluice.subsets.registry").SELECTORS.get(name)
    if elsewhere is None:
        return str(UnknownNameError.of("selector", name, known))
    tasks = ", ".join(sorted(elsewhere.tasks))
    return f"{name} is for {tasks} and not for {task}. Known: {', '.join(known)}."
