"""What is registered by entry points: methods, readers, tasks, of Sluice itself and of others.

A package adds a method by a line in its pyproject.toml, such as
``[project.entry-points."sluice.choosers"]`` with ``name = "package.module:OBJECT"``. What comes
with Sluice is registered by the same door. Nothing is imported before it is asked for by name.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from sluice.core.errors import ConfigError, UnknownNameError, reason_of

_OURS = "sluice"
_OF_OTHERS = frozenset({"sluice.inputs", "sluice.problems", "sluice.lineages"})
"""Groups in which Sluice need have nothing of its own."""


@lru_cache
def _registered(group: str) -> dict[str, EntryPoint]:
    """Return the entry points of a group by name: ours, then others."""
    found: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=group), key=_rank):
        other = found.get(point.name)
        if other is not None and other.value != point.value:
            raise ConfigError(
                f"{point.name!r} is registered twice in {group}: by {_of(other)} as "
                f"{other.value} and by {_of(point)} as {point.value}. Uninstall one of the two."
            )
        found[point.name] = point
    if group not in _OF_OTHERS and not any(_of(point) == _OURS for point in found.values()):
        raise ConfigError(
            f"Nothing of Sluice's own is registered in {group}: it is not installed, or was before "
            "it had any. Run `make setup`, or `pip install -e .` in its folder."
        )
    return found


def _of(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "?"


def _rank(point: EntryPoint) -> tuple[bool, str]:
    # Installed metadata keep no order.
    return _of(point) != _OURS, point.name


def names(group: str) -> list[str]:
    """Return what is registered in a group, such as ``"sluice.choosers"``.

    Raises
    ------
    ConfigError
        Two packages registered different things under one name, or Sluice is not installed.
    """
    return list(_registered(group))


def load(group: str, name: str) -> Any:
    """Return one registered object; its package is imported here.

    Raises
    ------
    UnknownNameError
        There is none of this name; the message names the nearest.
    ConfigError
        Its package cannot be imported.
    """
    points = _registered(group)
    if name not in points:
        raise UnknownNameError.of(group.partition(".")[2].removesuffix("s"), name, list(points))
    try:
        return points[name].load()
    except Exception as error:
        raise ConfigError(
            f"{name} of {_of(points[name])} cannot be loaded: {reason_of(error)} Repair or "
            "uninstall that package."
        ) from error


def is_ours(group: str, name: str) -> bool:
    """Whether something registered comes with Sluice."""
    return _of(_registered(group)[name]) == _OURS


def each(group: str, kind: type[Any] = object) -> Iterator[tuple[str, Any]]:
    """Yield every registered object by name.

    One that cannot be loaded, or is of another kind, is left out, and said.
    """
    for name in names(group):
        try:
            made = load(group, name)
            if not isinstance(made, kind):
                owner = _of(_registered(group)[name])
                raise ConfigError(
                    f"{name} of {owner} is a {type(made).__name__} and no {kind.__name__}. Repair "
                    "or uninstall that package."
                )
        except ConfigError as error:
            leave_out(error)
        else:
            yield name, made


def leave_out(error: Exception) -> None:
    """Say, once, why something of another package is left out."""
    _said(reason_of(error))


@lru_cache
def _said(message: str) -> None:
    warnings.warn(f"{message} Left out until then.", stacklevel=4)
