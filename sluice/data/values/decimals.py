"""Numbers that are texts with a decimal comma: read as numbers, or refused with words.

A cell is read by itself. What a column holds as a whole decides only whether it is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as compute

from sluice.core.errors import DataError

# Arrow makes these functions at run time, so no type checker sees them.
pc: Any = compute
_GROUPED = r"[1-9][0-9]{0,2}(?:[. \x{00A0}\x{202F}][0-9]{3})+"
_COMMA = rf"^[+-]?(?:(?:{_GROUPED}|[0-9]*),[0-9]+(?:[eE][+-]?[0-9]+)?|{_GROUPED}[. ][0-9]{{3}})$"
_THOUSANDS = r"^[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+$"
_WHOLE = r"^[+-]?[0-9]+$"
_POINT = r"^[+-]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
DELIMITER = b"sluice.delimiter"
"""Key of a table's metadata: what separated the values of its file."""


def decimal_of(
    table: pa.Table, columns: Sequence[str], shown: str, words: Sequence[str] = ()
) -> Literal[","] | None:
    """Return a comma where a column holds nothing but numbers with a decimal comma, or None.

    Parameters
    ----------
    table : Table
        As `sluice.data.ingest.raw.read_file` returns it.
    columns : sequence of str
        Those that may hold numbers.
    shown : str
        The file, for messages.
    words : sequence of str, optional
        Those for what is missing, in lower case: they decide nothing.

    Raises
    ------
    DataError
        A file of semicolons has a column of numbers whose commas may be of decimals or of
        thousands (``1,234``).
    """
    for name in columns:
        cells = _texts(table, name)
        if cells is None:
            continue
        cells = cells.filter(
            pc.invert(pc.is_in(pc.utf8_lower(cells), pa.array(words, pa.string())))
        )
        commas = pc.fill_null(pc.match_substring_regex(cells, _COMMA), False)
        thousands = pc.match_substring_regex(cells, _THOUSANDS)
        numbers = pc.or_(pc.or_(commas, thousands), pc.match_substring_regex(cells, _WHOLE))
        if not pc.all(numbers).as_py() or not pc.any(pc.or_(commas, thousands)).as_py():
            continue
        if not pc.all(pc.or_(thousands, pc.match_substring_regex(cells, _WHOLE))).as_py():
            return ","
        if (table.schema.metadata or {}).get(DELIMITER) == b";":
            raise DataError(
                f"{shown}: the column {name!r} holds numbers such as "
                f"{_first(cells, thousands)!r}, whose comma may be that of decimals or of "
                "thousands. Say which: --decimal , (or .) of `sluice add`, or reading: "
                "{decimal: ','} in dataset.yaml."
            )
    return None


def comma_warnings(
    table: pa.Table, columns: Sequence[str], decimal: str | None, shown: str
) -> list[str]:
    """Name the columns of words where half of the cells or more are numbers with commas.

    Parameters
    ----------
    table : Table
        As `with_points` returns it, where nothing is said of decimals.
    columns : sequence of str
        Those that may hold numbers.
    decimal : str or None
        What the configuration says; where it says something, nothing is to be told.
    shown : str
        The file, for messages.
    """
    warnings: list[str] = []
    for name in columns if decimal is None else ():
        cells = _texts(table, name)
        if cells is None:
            continue
        commas = pc.or_(
            pc.match_substring_regex(cells, _COMMA), pc.match_substring_regex(cells, _THOUSANDS)
        )
        count = pc.sum(commas).as_py() or 0
        if 2 * count >= max(1, len(cells) - cells.null_count):
            warnings.append(
                f"numbers_with_commas: {shown}: {count:,} cells of the column {name!r} look like "
                f"numbers, such as {_first(cells, commas)!r}, and are read as words. Write them "
                "all with a decimal point and without marks between thousands; or, where their "
                "commas are those of decimals, give --decimal , to `sluice add` (reading: "
                "{decimal: ','} in dataset.yaml)."
            )
    return warnings


def with_points(
    table: pa.Table, columns: Sequence[str], decimal: str | None, shown: str
) -> pa.Table:
    """Write the numbers of a table's texts with a decimal point.

    Parameters
    ----------
    table : Table
    columns : sequence of str
        Those that may hold numbers; others stay as they are.
    decimal : str or None
        What the configuration says; with a point the texts stay as they are.
    shown : str
        The file, for messages.

    Returns
    -------
    Table
        Where the decimal is a comma, ``"1.234,5"`` is ``"1234.5"``; other texts are the same.

    Raises
    ------
    DataError
        Nothing is said of decimals and a column shows commas; or a comma is said, and a cell has
        the point of ``1.5``.
    """
    if decimal is None and decimal_of(table, columns, shown) is not None:
        raise DataError(
            f"{shown} holds numbers with a decimal comma. Write reading: {{decimal: ','}} into "
            "dataset.yaml (--decimal , of `sluice add`) to read them as numbers, or a point to "
            "leave them as texts."
        )
    if decimal != ",":
        return table
    for name in columns:
        cells = _texts(table, name)
        if cells is None:
            continue
        commas = pc.match_substring_regex(cells, _COMMA)
        points = pc.and_not(pc.match_substring_regex(cells, _POINT), commas)
        if pc.any(points).as_py():
            raise DataError(
                f"{shown}: the column {name!r} holds {_first(cells, points)!r}, and decimals are "
                "said to have a comma. Write all numbers in one way, without marks between "
                "thousands."
            )
        plain = pc.replace_substring_regex(cells, r"[. \x{00A0}\x{202F}]", "")
        written = pc.if_else(commas, pc.replace_substring(plain, ",", "."), table.column(name))
        table = table.set_column(table.column_names.index(name), name, written)
    return table


def _texts(table: pa.Table, name: str) -> Any:
    """Return the texts of a column without white space around them, blank ones null, or None."""
    column = table.column(name)
    if not pa.types.is_string(column.type):
        return None
    cells = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.equal(cells, ""), None, cells)


def _first(cells: Any, mask: Any) -> str:
    return pc.filter(cells, mask)[0].as_py()
