"""JSON from files: whole texts, of numbers that can be written again, nested within reason."""

from __future__ import annotations

import json
from typing import Any

DEEPEST = 64
"""How deep lists and objects may lie in each other."""


def read_json(text: str) -> Any:
    """Read one JSON value.

    Raises
    ------
    UnicodeEncodeError
        A text in it holds half of a surrogate pair, which fails wherever it is stored.
    ValueError
        It is no JSON, nests more deeply than `DEEPEST`, or holds a whole number of thousands of
        digits.
    """
    try:
        value = json.loads(text)
        if text.count("[") + text.count("{") > DEEPEST:
            _check_depth(value)
    except RecursionError:
        raise _too_deep() from None
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _check_depth(value: object) -> None:
    level, deep = [value], 0
    while level := [part for each in level for part in _parts(each)]:
        deep += 1
        if deep > DEEPEST:
            raise _too_deep()


def _parts(value: object) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _too_deep() -> ValueError:
    return ValueError(f"lists or objects lie more than {DEEPEST} deep in each other")
