"""Sluice turns raw data into the smallest training set that still trains the best model."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sluice.api.methods import methods
    from sluice.api.selection import select

__version__ = "0.1.0"
__all__ = ["__version__", "methods", "select"]


def __getattr__(name: str) -> object:
    """Load the library interface on first use: importing a part must not cost the whole."""
    if name == "select":
        from sluice.api.selection import select

        return select
    if name == "methods":
        from sluice.api.methods import methods

        return methods
    raise AttributeError(f"module 'sluice' has no attribute {name!r}")
