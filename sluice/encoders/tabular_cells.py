"""Columns of table rows: what their cells are, which type they show, and cells as numbers.

A row is the JSON object that `sluice.tasks.tabular.payload.row_texts` writes.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import DataError

CHUNK = 8192
MISSING_WORDS = frozenset({"na", "n/a", "null", "none", "?", "-", "."})
"""Words that stand for a missing value in a column of numbers, dates or truths (ours)."""
_TRUTHS = {"yes": 1.0, "y": 1.0, "t": 1.0, "no": 0.0, "n": 0.0, "f": 0.0}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:T[\d:.]+Z?)?")
# As cells they are numbers: a text of digits is never left as one (see sluice.data.values.cells).
_WIDE = re.compile(r"-?[1-9]\d{15,299}")
_PLAIN = frozenset({int, float, type(None)})
_MOST_WHOLE = 2.0**53
Cells = tuple[Any, ...]


@dataclass(frozen=True)
class Profile:
    """The cells of a column, whatever their order.

    Attributes
    ----------
    missing : int
    numbers : ndarray of float64
        Ascending.
    false, true : int
    texts : dict of str to int
        Count of each text, and of each whole number that no float64 is, by its digits.
    """

    missing: int
    numbers: NDArray[np.float64]
    false: int
    true: int
    texts: dict[str, int]

    def keys(self) -> dict[str, int]:
        """Count the cells by category, missing ones left out; by category in order."""
        values, counts = np.unique(self.numbers, return_counts=True)
        found = Counter(self.texts)
        found.update({number_key(v): int(c) for v, c in zip(values, counts, strict=True)})
        found.update({"false": self.false, "true": self.true})
        return {key: found[key] for key in sorted(found) if found[key]}


def parsed(
    texts: Sequence[str], names: tuple[str, ...] | None
) -> Iterator[tuple[int, list[Cells]]]:
    """Read rows in chunks, so that hardly any of them are in memory as objects.

    Parameters
    ----------
    texts : sequence of str, length n
    names : tuple of str or None
        Columns that every row must have, in order; those of the first row where None.

    Yields
    ------
    begin : int
        Position of the chunk's first row.
    columns : list of tuple
        Cells by column.

    Raises
    ------
    DataError
        Where a row is no JSON object, or has other columns.
    """
    for begin in range(0, len(texts), CHUNK):
        chunk = texts[begin : begin + CHUNK]
        try:
            rows: list[dict[str, Any]] = json.loads(f"[{','.join(chunk)}]")
            names = tuple(rows[0]) if names is None else names
            odd = next((at for at, row in enumerate(rows) if tuple(row) != names), None)
        except (json.JSONDecodeError, TypeError):
            raise DataError(
                f"The rows from {begin} on hold texts that are no JSON objects. Give rows as "
                "sluice.tasks.tabular.payload.row_texts writes them."
            ) from None
        if odd is not None or len(rows) != len(chunk):
            raise _other_columns(begin + (odd or 0), tuple(rows[odd or 0]), names)
        yield begin, list(zip(*(row.values() for row in rows), strict=True))


def _other_columns(row: int, found: tuple[str, ...], names: tuple[str, ...]) -> DataError:
    lacking = [name for name in names if name not in found]
    beyond = [name for name in found if name not in names]
    said = [f"lacks {', '.join(map(repr, lacking))}"] if lacking else []
    said += [f"also has {', '.join(map(repr, beyond))}"] if beyond else []
    return DataError(
        f"Row {row} {' and '.join(said) or 'is no single row'}; the others have "
        f"{', '.join(map(repr, names))}. Give every row the same columns."
    )


def profiles(texts: Sequence[str], names: tuple[str, ...] | None = None) -> dict[str, Profile]:
    """Return the profile of each column, the same for any order of the rows.

    Raises
    ------
    DataError
        See `parsed`; or there is no row.
    """
    if not len(texts):
        raise DataError("There is no row to learn the columns from. Give at least one.")
    known = names if names is not None else tuple(json.loads(texts[0]))
    parts: list[list[NDArray[np.float64]]] = [[] for _ in known]
    counts: list[Counter[Any]] = [Counter() for _ in known]
    for _, columns in parsed(texts, known):
        for place, cells in enumerate(columns):
            kinds = set(map(type, cells))
            values = np.array(cells, dtype=np.float64) if kinds <= _PLAIN else None
            if values is not None and not _any_beyond(values):
                present = ~np.isnan(values)
                parts[place].append(values[present])
                counts[place][None] += int(len(values) - present.sum())
                continue
            cells = [str(cell) if _is_beyond(cell) else cell for cell in cells]
            others = [cell for cell in cells if type(cell) not in (int, float)]
            # Truths are kept apart from texts: 1 and True are one key of a dict.
            counts[place].update(("", cell) if cell in (True, False) else cell for cell in others)
            plain = [cell for cell in cells if type(cell) in (int, float)]
            parts[place].append(np.array(plain, dtype=np.float64))
    made: dict[str, Profile] = {}
    for name, found, numbers in zip(known, counts, parts, strict=True):
        missing, false, true = (
            found.pop(None, 0),
            found.pop(("", False), 0),
            found.pop(("", True), 0),
        )
        ordered = np.sort(np.concatenate(numbers))
        made[name] = Profile(missing, ordered, false, true, dict(sorted(found.items())))
    return made


def _any_beyond(values: NDArray[np.float64]) -> bool:
    return bool((np.abs(values) >= _MOST_WHOLE).any())


def _is_beyond(cell: Any) -> bool:
    """Whether a cell is a whole number that no float64 is: as a category it is its digits."""
    return type(cell) is int and abs(cell) > _MOST_WHOLE and int(float(cell)) != cell


def shown_kind(profile: Profile) -> str:
    """Return the type that a column shows: numeric, boolean, date or else categorical.

    Words for missing values (`MISSING_WORDS`) decide nothing; a column with nothing else is
    categorical.
    """
    words = [text for text in profile.texts if text.casefold() not in MISSING_WORDS]
    wide = [word for word in words if _WIDE.fullmatch(word)]
    words = [word for word in words if word not in wide] if wide else words
    numbers, truths = bool(len(profile.numbers) or wide), profile.false + profile.true > 0
    if not words:
        if numbers != truths:
            return "numeric" if numbers else "boolean"
        return "categorical"
    if not numbers and not truths and not any(math.isnan(_date(word)) for word in words):
        return "date"
    return "categorical"


def observed(profile: Profile, kind: str) -> NDArray[np.float64]:
    """Return the values of a numeric, boolean or date column, ascending; what is none is missing.

    Numbers as they are, truths as 0 and 1, dates as seconds since 1970 (UTC).
    """
    texts = list(profile.texts)
    values = np.array([as_number(text, kind) for text in texts], dtype=np.float64)
    plain = np.array([as_number(value, kind) for value in profile.numbers.tolist()])
    if kind == "numeric":
        plain = profile.numbers
    truths = np.array([as_number(False, kind), as_number(True, kind)])
    every = np.concatenate(
        [
            plain,
            np.repeat(truths, [profile.false, profile.true]),
            np.repeat(values, np.array([profile.texts[text] for text in texts], dtype=np.int64)),
        ]
    )
    return np.sort(every[~np.isnan(every)])


def as_numbers(cells: Cells, kind: str) -> NDArray[np.float64]:
    """Return the cells of a numeric, boolean or date column as float64, NaN where missing.

    A cell's number depends on that cell alone.
    """
    if kind == "numeric" and set(map(type, cells)) <= _PLAIN:
        return np.array(cells, dtype=np.float64)
    known: dict[tuple[type, Any], float] = {}
    values = np.empty(len(cells), dtype=np.float64)
    for place, cell in enumerate(cells):
        key = (type(cell), cell)
        if key not in known:
            known[key] = as_number(cell, kind)
        values[place] = known[key]
    return values


def as_number(cell: Any, kind: str) -> float:
    """Return one cell as a number, NaN where it is missing or none of its column's type."""
    if cell is None:
        return math.nan
    if kind == "date":
        return _date(cell) if isinstance(cell, str) else math.nan
    if kind == "boolean":
        if isinstance(cell, str):
            return _TRUTHS.get(cell.casefold(), math.nan)
        return float(cell) if cell in (0, 1) else math.nan
    try:
        value = float(cell)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def _date(text: str) -> float:
    if _DATE.fullmatch(text) is None:
        return math.nan
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return math.nan
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()


def category(cell: Any) -> str | None:
    """Return the category that a cell names, None where it is missing."""
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if _is_beyond(cell):
        return str(cell)
    return number_key(float(cell))


def number_key(value: float) -> str:
    """Write a number as the name of a category: ``3`` and not ``3.0``."""
    whole = abs(value) < _MOST_WHOLE and float(value).is_integer()
    return str(int(value)) if whole else repr(float(value))
