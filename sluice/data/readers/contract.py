"""What reads one format of files; entry points ``sluice.readers`` add one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import pyarrow as pa

from sluice.core import registry

GROUP = "sluice.readers"


@dataclass(frozen=True)
class Reader:
    """A format of files of columns.

    Attributes
    ----------
    suffixes : tuple of str
        In lower case, with the point.
    read : callable
        ``read(path, shown, columns) -> Table``: the file, its name for messages, and the columns
        to read or None for all. At least one row, in the order of the file; cells of text stay
        text. It takes the bytes from `sluice.core.bounded.read_bytes`, which keeps to the limits
        and notes what was read. DataError where the file is broken, has no row, or lacks a column.
    delimited : bool
        Whether `read` also takes what separates values (or None) and the columns that must be
        there, by which a separator is told.
    """

    suffixes: tuple[str, ...]
    read: Callable[..., pa.Table]
    delimited: bool = False


@cache
def readers() -> dict[str, Reader]:
    """Return the reader of every suffix; longer suffixes first where one ends in another."""
    found = {suffix: each for _, each in registry.each(GROUP, Reader) for suffix in each.suffixes}
    return {suffix: found[suffix] for suffix in sorted(found, key=lambda s: -s.count("."))}
