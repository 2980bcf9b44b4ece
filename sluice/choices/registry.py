"""Choosers by name, by the entry points `sluice.choosers`: ours and those of other packages."""

from __future__ import annotations

from typing import cast

from sluice.choices.contract import Chooser
from sluice.core.errors import UnknownNameError
from sluice.core.registry import each, load, names

GROUP = "sluice.choosers"
DEFAULT_TASK = "answers"


def chooser(name: str) -> Chooser:
    """Look a chooser up.

    Raises
    ------
    UnknownNameError
        There is no such chooser; the message names the nearest.
    """
    if name not in names(GROUP):
        raise UnknownNameError.of("chooser", name, names(GROUP))
    return cast("Chooser", load(GROUP, name))


def tasks() -> list[str]:
    """Every task that has items and candidates, by name."""
    named = {task for _, found in each(GROUP) for task in cast("Chooser", found).tasks}
    return sorted({DEFAULT_TASK, *named})


def choosers_for(task: str | None = None) -> list[Chooser]:
    """Choosers in the lineage of a task, or all; in the order of the registry.

    Raises
    ------
    UnknownNameError
        No chooser belongs to such a task.
    """
    if task is not None and task not in tasks():
        raise UnknownNameError.of("task", task, tasks())
    every = [cast("Chooser", found) for _, found in each(GROUP)]
    return [one for one in every if task is None or not one.tasks or task in one.tasks]
