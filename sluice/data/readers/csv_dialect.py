"""What separates and quotes the values of a CSV file: well-formed, or refused with the place.

A value that begins with a quote ends at the next single quote, behind which only the delimiter or
a line end may stand; a quote inside another value is a character. That is Python's `csv` with
`strict`: what it refuses is refused, and no line is ever taken into the value of another.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sluice.core.errors import DataError

DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}
"""Those that are recognised, and what people call them."""
csv.field_size_limit(1 << 30)
_QUOTED = re.compile(r'"(?:[^"]++|"")*+"')
_LINE_END = re.compile(r"\r\n|\r|\n")
_ESCAPED: dict[str, Any] = {"doublequote": False, "escapechar": "\\"}


@dataclass(frozen=True)
class Fault:
    """Where a file stops being a table, both from 1, and what is wrong there."""

    line: int
    column: int
    what: str


def lines(data: bytes) -> io.TextIOWrapper:
    r"""Return the lines of UTF-8 with their ends: ``\n``, ``\r`` and ``\r\n`` are one each."""
    return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")


def records(source: bytes | Iterable[str], delimiter: str, **rules: Any) -> Any:
    """Return Python's strict reader: blank lines are empty lists, a broken one a `csv.Error`."""
    read = lines(source) if isinstance(source, bytes) else source
    return csv.reader(read, delimiter=delimiter, strict=True, **rules)


def header_of(data: bytes, delimiter: str, shown: str) -> list[str]:
    """Return the first record that is not blank.

    Raises
    ------
    DataError
        There is none, or it is broken.
    """
    try:
        for record in records(data, delimiter):
            if record:
                return record
    except csv.Error:
        raise broken(_fault_of_quotes(data, delimiter, 0), delimiter, shown) from None
    raise DataError(f"{shown} is empty. Put rows into it or remove it.")


def first_fault(data: bytes, delimiter: str, width: int) -> Fault | None:
    """Return the first place where a file is no table of `width` columns.

    Cost: about 0.1 microseconds a value; no value is kept.
    """
    reader, before = records(data, delimiter), 0
    try:
        for record in reader:
            if record and len(record) != width:
                return Fault(before + 1, 1, f"{len(record)} values where the header has {width}")
            before = reader.line_num
    except csv.Error:
        return _fault_of_quotes(data, delimiter, before)
    return None


def refuse_broken(data: bytes, delimiter: str, width: int, shown: str) -> None:
    r"""Raise unless a file is a table of `width` columns, and in one way.

    Raises
    ------
    DataError
        With line and column where quotes or widths break; or where quotes are escaped by
        backslashes (``\"``): read so, the file has more rows.
    """
    fault = first_fault(data, delimiter, width)
    if fault is not None:
        raise broken(fault, delimiter, shown)
    if b'\\"' in data:
        escaped = _rows(records(data, delimiter, **_ESCAPED), width)
        if escaped > _rows(records(data, delimiter), width):
            raise DataError(
                f'{shown} escapes quotes by a backslash (\\"), as it seems: read without that, '
                'lines vanish into values. Write inner quotes doubled ("") instead.'
            )


def broken(fault: Fault, delimiter: str, shown: str) -> DataError:
    """Say where a file is broken and how it is mended."""
    column = f", column {fault.column}" if fault.column > 1 else ""
    return DataError(
        f"{shown}, line {fault.line}{column}: {fault.what}. Correct the line; a value that holds "
        f"{DELIMITERS.get(delimiter, repr(delimiter))}, a quote or a line break belongs in "
        "double quotes, with inner quotes doubled."
    )


def delimiter_of(data: bytes, shown: str, given: str | None, wanted: Sequence[str]) -> str:
    """Return what separates the values of a file.

    Parameters
    ----------
    data : bytes
        UTF-8.
    shown : str
        The file's name, for messages; ``.tsv`` in it says that tabs do.
    given : str or None
        What the configuration says.
    wanted : sequence of str
        Columns that must be there.

    Returns
    -------
    str
        What is given; else the comma (or tab, by the name), unless the header is one value by it
        and exactly one other of `DELIMITERS` gives a table of more columns, the wanted among them.

    Raises
    ------
    DataError
        See `header_of`; or the wanted columns are there by another delimiter and not by this one,
        or by another alone, and the file is broken.
    """
    if given is not None:
        return given
    usual = "\t" if ".tsv" in shown.lower().rpartition("/")[2] else ","
    header = header_of(data, usual, shown)
    if set(wanted) <= set(header) and (wanted or len(header) > 1):
        return usual
    found = [d for d in DELIMITERS if d != usual and set(wanted) <= set(_header(data, d))]
    if len(header) == 1:
        sure = [
            d for d in found if (n := len(_header(data, d))) > 1 and not first_fault(data, d, n)
        ]
        if len(sure) == 1:
            return sure[0]
        if not sure and len(found) == 1 and wanted:
            # No doubt what separates the values: the file breaks further on.
            refuse_broken(data, found[0], len(_header(data, found[0])), shown)
    if found and wanted:
        raise DataError(
            f"{shown} has the columns {', '.join(map(repr, wanted))} where "
            f"{DELIMITERS[found[0]]} separates the values, and not where {DELIMITERS[usual]} does. "
            f"Give --delimiter {found[0]!r} to `sluice add`, or write reading: "
            f"{{delimiter: {found[0]!r}}} into dataset.yaml."
        )
    return usual


def cell_end(text: str, begin: int, delimiter: str) -> int | None:
    """Return where the value ends that begins at a place; None where its quote is never closed."""
    if text.startswith('"', begin):
        quoted = _QUOTED.match(text, begin)
        return None if quoted is None else quoted.end()
    plain = re.compile(f"[^{re.escape(delimiter)}\r\n]*+").match(text, begin)
    return begin if plain is None else plain.end()


def _header(data: bytes, delimiter: str) -> list[str]:
    try:
        return header_of(data, delimiter, "")
    except DataError:
        return []


def _rows(reader: Any, width: int) -> int:
    """Count the records; none where they are no table of `width` columns."""
    count = 0
    try:
        for record in reader:
            if record and len(record) != width:
                return 0
            count += bool(record)
    except csv.Error:
        return 0
    return count


def _fault_of_quotes(data: bytes, delimiter: str, before: int) -> Fault:
    """Find the quote that breaks the record behind so many lines."""
    text = data.decode()
    place = begin = sum(len(line) for line, _ in zip(lines(data), range(before), strict=False))
    while True:
        end = cell_end(text, place, delimiter)
        if end is None:
            return _at(text, place, "a quote is opened and never closed")
        if end == len(text) or text[end] in "\r\n":
            return _at(text, begin, "a value is too long")
        if text[end] != delimiter:
            quote = 'its end, which is \\"' if text[end - 2] == "\\" else "the quote that ends it"
            opened = _at(text, place, "").line
            what = (
                f"the value that begins in line {opened} goes on with {text[end]!r} behind {quote}"
            )
            return _at(text, end, what)
        place = end + 1


def _at(text: str, place: int, what: str) -> Fault:
    ends = [0, *(end.end() for end in _LINE_END.finditer(text, 0, place))]
    return Fault(len(ends), place - ends[-1] + 1, what)
