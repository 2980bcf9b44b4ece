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
_TASKS = ("text", "tabular", "instructions", "tokens")
_FIRST = {"sluice.tasks": _TASKS, "sluice.rows": _TASKS}
"""Group to the names that come first, in order: installed metadata keep none."""


@lru_cache
def _registered(group: str) -> dict[str, EntryPoint]:
    """Return the entry points of a group by name: ours in their order, then others by name."""
    found: dict[str, EntryPoint] = {}
    first = _FIRST.get(group, ())
    for point in sorted(entry_points(group=group), key=lambda point: _rank(point, first)):
        other = found.get(point.name)
        if other is not None and other.value != point.value:
            raise ConfigError(
                f"{point.name!r} is registered twice in {group}: by {_of(other)} as "
                f"{other.value} and by {_of(point)} as {point.value}. Uninstall one of the two."
            )
        found[point.name] = point
    if not any(_of(point) == _OURS for point in found.values()) and not _installed():
        raise ConfigError("Sluice itself is not installed, so nothing is registered: make setup.")
    return found


def _of(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "?"


def _rank(point: EntryPoint, first: tuple[str, ...]) -> tuple[bool, int, str]:
    place = first.index(point.name) if point.name in first else len(first)
    return _of(point) != _OURS, place, point.name


def _installed() -> bool:
    return bool(entry_points(group="console_scripts", name=_OURS))


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


def each(group: str) -> Iterator[tuple[str, Any]]:
    """Yield every registered object by name; one that cannot be loaded is left out, and said."""
    for name in names(group):
        try:
            yield name, load(group, name)
        except ConfigError as error:
            warnings.warn(f"{error} Left out until then.", stacklevel=2)
