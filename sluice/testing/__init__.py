"""Contract suites: what every method must do, callable from the tests of any package."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sluice.testing.choosers import check_chooser
    from sluice.testing.learners import check_learner
    from sluice.testing.readers import check_reader
    from sluice.testing.searches import check_search
    from sluice.testing.selectors import check_selector
    from sluice.testing.tasks import check_task

__all__ = [
    "check_chooser",
    "check_learner",
    "check_reader",
    "check_search",
    "check_selector",
    "check_task",
]


def __getattr__(name: str) -> object:
    """Load a suite on first use."""
    if name in __all__:
        kind = name.removeprefix("check_")
        room = f"{kind}es" if kind == "search" else f"{kind}s"
        return getattr(import_module(f"sluice.testing.{room}"), name)
    raise AttributeError(f"module 'sluice.testing' has no attribute {name!r}")
