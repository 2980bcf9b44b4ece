"""Contract suites: what every method must do, callable from the tests of any package."""

from __future__ import annotations

from importlib import import_module

_SUITES = {
    "check_chooser": "sluice.testing.choosers",
    "check_learner": "sluice.testing.learners",
    "check_reader": "sluice.testing.readers",
    "check_search": "sluice.testing.searches",
    "check_selector": "sluice.testing.selectors",
    "check_task": "sluice.testing.tasks",
}

__all__ = [  # pyright: ignore[reportUnsupportedDunderAll]
    "check_chooser",
    "check_learner",
    "check_reader",
    "check_search",
    "check_selector",
    "check_task",
]


def __getattr__(name: str) -> object:
    """Load a suite on first use."""
    if name in _SUITES:
        return getattr(import_module(_SUITES[name]), name)
    raise AttributeError(f"module 'sluice.testing' has no attribute {name!r}")
