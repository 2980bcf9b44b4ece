"""Every score by name, as entry points of the group ``sluice.scores`` register them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sluice.core import registry
from sluice.core.errors import UnknownNameError
from sluice.scores.contract import Score, ScoreInputs

__all__ = ["SCORES", "Score", "ScoreInputs", "score"]

GROUP = "sluice.scores"

SCORES: Mapping[str, Score] = MappingProxyType(dict(registry.each(GROUP, Score)))


def score(name: str) -> Score:
    """Look a score up.

    Raises
    ------
    UnknownNameError
        There is no such score; the message names the nearest.
    """
    if name not in SCORES:
        raise UnknownNameError.of("score", name, list(SCORES))
    return SCORES[name]
