"""Every query strategy by name, along the survey's tree, as entry points register them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.core import registry
from sluice.subsets.contract import Selector
from sluice.subsets.queries.known import GROUP, strategy

__all__ = ["STRATEGIES", "needs_of", "parts_of", "strategy"]

_ROOTS = ("random", "data-based", "model-based", "prediction-based", "wrapper", "ensemble")


def _place(made: Selector) -> tuple[int, tuple[str, ...], str]:
    root = _ROOTS.index(made.family[0]) if made.family[0] in _ROOTS else len(_ROOTS)
    return root, made.family, made.name


STRATEGIES: dict[str, Selector] = {
    made.name: made
    for made in sorted((made for _, made in registry.each(GROUP, Selector)), key=_place)
}


def parts_of(name: str, options: Mapping[str, Any]) -> list[str]:
    """Return a strategy with some options, and the base or the members that it puts to work.

    Raises
    ------
    UnknownNameError
        There is no such strategy.
    """
    chosen = strategy(name)
    said = {**chosen.options, **options}
    return [name, *([said["base"]] if chosen.family[0] == "wrapper" else said.get("members", ()))]


def needs_of(name: str, options: Mapping[str, Any]) -> frozenset[str]:
    """Return what a strategy needs with some options, its base and members included.

    Raises
    ------
    UnknownNameError
        There is no such strategy, base or member.
    """
    return frozenset().union(*(strategy(each).needs for each in parts_of(name, options)))
