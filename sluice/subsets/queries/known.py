"""A query strategy by name, for those that put another one to work."""

from __future__ import annotations

from sluice.core import registry
from sluice.core.errors import UnknownNameError
from sluice.subsets.contract import Selector

GROUP = "sluice.queries"


def strategy(name: str) -> Selector:
    """Look a strategy up.

    Raises
    ------
    UnknownNameError
        There is no such strategy; the message names the nearest.
    """
    if name not in registry.names(GROUP):
        raise UnknownNameError.of("query strategy", name, registry.names(GROUP))
    return registry.load(GROUP, name)
