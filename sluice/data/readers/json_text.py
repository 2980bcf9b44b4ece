"""JSON from files: whole texts, of numbers that can be written again, nested within reason."""

from __future__ import annotations

import json
from typing import Any

from sluice.data.values.spelling import exact_number

DEEPEST = 64
"""How deep lists and objects may lie in each other."""


def read_json(text: str) -> Any:
    """Read one JSON value.

    Raises
    ------
    UnicodeEncodeError
        A text in it holds half of a surrogate pair, which fails wherever it is stored.
    ValueError
        It is no JSON, nests more deeply than `DEEPEST`, holds a whole number of thousands of
        digits, or an object with one key twice, whose first value would be dropped.
    """
    try:
        value = json.loads(text, parse_float=exact_number, object_pairs_hook=_whole)
        if text.count("[") + text.count("{") > DEEPEST:
            _check_depth(value)
    except RecursionError:
        raise _too_deep() from None
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False, default=str).encode()
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


def _whole(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    whole = dict(pairs)
    if len(whole) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} is there twice in one object")
    return whole
