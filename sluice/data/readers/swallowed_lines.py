"""Lines that two stray quotes, each at the end of a value, may have made one value of.

Well-formed, such a file cannot be told from one whose texts have line breaks by its quotes alone,
but by its lines: each is a row by itself, with a cell that its column has elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sluice.core.errors import DataError
from sluice.data.readers.csv_dialect import DELIMITERS, records

_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class _Found:
    """A value that looks like rows.

    Attributes
    ----------
    line : int
        Where it begins, from 1.
    behind : int
        Lines that it takes in behind that.
    cells : list of set of (int, str)
        Columns and values of each whole line; of the two parts together where there is none.
    """

    line: int
    behind: int
    cells: list[set[tuple[int, str]]]


def swallowed_lines(data: bytes, delimiter: str, width: int, shown: str) -> list[str]:
    """Look for values whose lines are rows by themselves.

    Parameters
    ----------
    data : bytes
        A well-formed table of UTF-8.
    delimiter : str
    width : int
        Of its columns.
    shown : str
        The file, for messages.

    Returns
    -------
    list of str
        A warning, where values of two lines look so.

    Raises
    ------
    DataError
        A value of three lines or more does: that is no chance. Cost: the file is read once more
        where values have several lines, and twice where one looks like rows.
    """
    found = list(_values_of_rows(data, delimiter, width))
    if not found:
        return []
    asked = {cell for each in found for cells in each.cells for cell in cells if cell[1]}
    known = {
        cell for record in records(data, delimiter) for cell in enumerate(record) if cell in asked
    }
    found = [each for each in found if all(cells & known for cells in each.cells)]
    if not found:
        return []
    first = max(found, key=lambda each: (each.behind, -each.line))
    what = (
        f"the value that begins in line {first.line} takes in {first.behind} line"
        f"{'s' if first.behind > 1 else ''} behind it, and the lines look like rows of their "
        "own: quotes at the ends of two values are no pair, as it seems"
    )
    remedy = (
        f"Double the stray quotes and put the values that hold one, or "
        f"{DELIMITERS.get(delimiter, repr(delimiter))}, in double quotes; where it is one value "
        "indeed, write the file as JSONL or Parquet"
    )
    if first.behind > 1:
        raise DataError(f"{shown}, line {first.line}: {what}. {remedy}.")
    return [f"lines_in_values: {shown}: {what} ({len(found)} such values). {remedy}."]


def _values_of_rows(data: bytes, delimiter: str, width: int) -> Iterator[_Found]:
    reader, before = records(data, delimiter), 0
    for record in reader:
        if reader.line_num - before > 1 and len(record) == width > 1:
            for place, value in enumerate(record):
                found = _as_rows(value, place, width, delimiter)
                if found is not None:
                    yield _Found(before + 1, *found)
        before = reader.line_num


def _as_rows(
    value: str, place: int, width: int, delimiter: str
) -> tuple[int, list[set[tuple[int, str]]]] | None:
    """Read the lines of a value as rows: the first from its column on, the last up to it."""
    parts = [line.split(delimiter) for line in _LINE_END.split(value)]
    last = len(parts) - 1
    lengths = [width] * (last + 1)
    lengths[0], lengths[last] = width - place, place + 1
    if not last or [len(part) for part in parts] != lengths:
        return None
    starts = [place, *[0] * last]
    cells = [set(enumerate(part, start)) for part, start in zip(parts, starts, strict=True)]
    return last, cells[1:-1] or [cells[0] | cells[1]]
