"""Whether the columns that a dataset names are there."""

from __future__ import annotations

from collections import Counter
from difflib import get_close_matches

from sluice.core.errors import DataError

_LISTED = 100


def require_columns(wanted: list[str], present: list[str], shown: str) -> None:
    """Raise unless every wanted column is present exactly once.

    Parameters
    ----------
    wanted : list of str
        Names from the configuration.
    present : list of str
        Names in the file.
    shown : str
        The file, for the message.

    Raises
    ------
    DataError
        With the nearest names and all names.
    """
    counts = Counter(present)
    for name in wanted:
        count = counts[name]
        if count == 1:
            continue
        if count > 1:
            raise DataError(
                f"{shown} has {count} columns named {name!r}. Rename them so that each is unique."
            )
        near = get_close_matches(name, present, n=3, cutoff=0.5)
        folded = [other for other in present if other.strip().casefold() == name.casefold()]
        near = folded or near
        hint = f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
        raise DataError(f"{shown} has no column {name!r}.{hint} Its columns: {_listed(present)}.")


def _listed(names: list[str]) -> str:
    rest = len(names) - _LISTED
    return (", ".join(names[:_LISTED]) or "none") + (f" and {rest:,} more" if rest > 0 else "")
