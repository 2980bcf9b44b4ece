"""Sluice turns raw data into the smallest training set that still trains the best model."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sluice.api.methods import methods
    from sluice.api.selection import select
    from sluice.choices.runner import choose
    from sluice.searches.runner import search

__version__ = "0.1.0"
__all__ = ["__version__", "choose", "methods", "search", "select"]

_OFFERED = {
    "choose": "sluice.choices.runner",
    "methods": "sluice.api.methods",
    "search": "sluice.searches.runner",
    "select": "sluice.api.selection",
}


def __getattr__(name: str) -> object:
    """Load the library interface on first use: importing a part must not cost the whole."""
    if name in _OFFERED:
        from importlib import import_module

        return getattr(import_module(_OFFERED[name]), name)
    raise AttributeError(f"module 'sluice' has no attribute {name!r}")
