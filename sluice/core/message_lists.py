"""A few of many names, for messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

NAMED = 5


def counted(counts: Mapping[str, int]) -> str:
    """Write the first few counts by name: ``"train 8, test 1"``."""
    listed = [f"{name} {count}" for name, count in list(counts.items())[:NAMED]]
    rest = len(counts) - NAMED
    return ", ".join(listed) + (f" and {rest} more" if rest > 0 else "")


def named(names: Sequence[str]) -> str:
    """Write the first few names in quotes: ``"'a', 'b'"``."""
    rest = len(names) - NAMED
    shown = ", ".join(repr(name) for name in names[:NAMED])
    return shown + (f" and {rest} more" if rest > 0 else "")
