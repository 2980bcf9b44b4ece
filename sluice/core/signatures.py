"""Options of a method, read from the signature of its core."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any


def options_of(core: Callable[..., Any]) -> dict[str, Any]:
    """Return the keyword-only parameters of a function that have a default, by name."""
    return {
        name: each.default
        for name, each in signature(core).parameters.items()
        if each.kind is Parameter.KEYWORD_ONLY and each.default is not Parameter.empty
    }
