"""Every selector by name, as entry points of the group ``sluice.selectors`` register them."""

from __future__ import annotations

from sluice.core import registry
from sluice.core.errors import UnknownNameError
from sluice.data.config import TASKS
from sluice.subsets.contract import Selector

GROUP = "sluice.selectors"

SELECTORS: dict[str, Selector] = dict(registry.each(GROUP, Selector))


def selector(name: str) -> Selector:
    """Look a selector up.

    Raises
    ------
    UnknownNameError
        There is no such selector; the message names the nearest.
    """
    if name not in SELECTORS:
        raise UnknownNameError.of("selector", name, list(SELECTORS))
    return SELECTORS[name]


def selectors_for(task: str) -> list[Selector]:
    """Selectors of a task by name: those that are for it, and those that it says are.

    Raises
    ------
    UnknownNameError
        There is no such task.
    """
    also = registry.load(TASKS, task).methods
    return [made for made in SELECTORS.values() if task in made.tasks or made.name in also]
