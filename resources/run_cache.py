"""What is known of a dataset while its lock is held: nobody else writes it meanwhile.

Every stage and check asks for the same few things; a query of the lake takes some 20 ms of which
hardly any depends on the answer's size. Without the lock nothing is remembered.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, TypeVar

from resources.lake import Lake

Value = TypeVar("Value")

_HELD: dict[tuple[str, str, str], dict[str, Any]] = {}


@contextmanager
def held(lake: Lake, dataset: str) -> Generator[None]:
    """Remember within the block; the caller holds the dataset's lock."""
    key = (*lake.identity, dataset)
    _HELD[key] = {}
    try:
        yield
    finally:
        _HELD.pop(key, None)


def remembered(lake: Lake, dataset: str, what: str, read: Callable[[], Value]) -> Value:
    """Return what `read` returned before, or read it now; callers must not change it."""
    known = _HELD.get((*lake.identity, dataset))
    if known is None:
        return read()
    if what not in known:
        known[what] = read()
    return known[what]


def known(lake: Lake, dataset: str, what: str) -> Any | None:
    """Return what is remembered, to be brought up to date in place, or None."""
    return _HELD.get((*lake.identity, dataset), {}).get(what)


def forget(lake: Lake, dataset: str, *what: str) -> None:
    """Forget what is about to be written."""
    known = _HELD.get((*lake.identity, dataset), {})
    for name in what:
        known.pop(name, None)
