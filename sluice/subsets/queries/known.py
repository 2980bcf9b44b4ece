"""Every query strategy by name: filled by `registry`, which imports them all, and read by those."""

from __future__ import annotations

from sluice.core.errors import UnknownNameError
from sluice.subsets.contract import Selector

STRATEGIES: dict[str, Selector] = {}


def strategy(name: str) -> Selector:
    """Look a strategy up.

    Raises
    ------
    UnknownNameError
        There is no such strategy; the message names the nearest.
    """
    if name not in STRATEGIES:
        raise UnknownNameError.of("query strategy", name, list(STRATEGIES))
    return STRATEGIES[name]
