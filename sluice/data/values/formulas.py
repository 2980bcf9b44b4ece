"""Cells that a spreadsheet would run: made texts for CSV files, and read back as they were.

Excel and LibreOffice take a cell that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line end
for a formula, which can read other cells, open addresses and start programs. An apostrophe in
front makes it a text; a text that begins with an apostrophe gets one more, so that none is lost. A
negative number runs nothing: where the texts of a column are at risk by that alone, as those of
numbers that a CSV file holds, its ``-1.5`` stays as it is.
"""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pyarrow.compute

compute: Any = pyarrow.compute

MARK = "'"
_STARTS = r"=+\-@\t\r\n＝＋－＠'"
_RISKY = rf"\A[{_STARTS}]"
_NEGATIVE = r"\A-(?:[0-9]+[.,]?[0-9]*|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?\z"
_DASH = r"\A--?\z"
_ESCAPED = re.compile(rf"\A{MARK}(?=[{_STARTS}])")


def escape(text: str) -> str:
    """Put the mark before a text that a spreadsheet would run, or that begins with the mark."""
    return MARK + text if re.match(_RISKY, text) else text


def unescape(text: str) -> str:
    """Return what `escape` was given."""
    return _ESCAPED.sub("", text)


def escape_table(table: pa.Table) -> pa.Table:
    """Apply `escape` to the names of columns and to every text; numbers and dates stay.

    So do the texts of a column in which those at risk are negative numbers, and dashes for what
    is missing.

    Parameters
    ----------
    table : Table
        Without nested columns.
    """
    for place, field in enumerate(table.schema):
        kind, column = field.type, table.column(place)
        if pa.types.is_dictionary(kind):
            kind, column = kind.value_type, column.cast(kind.value_type)
        if pa.types.is_string_view(kind):
            kind, column = pa.string(), column.cast(pa.string())
        binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
        if binary or pa.types.is_string(kind) or pa.types.is_large_string(kind):
            risky = compute.match_substring_regex(column, _RISKY)
            risky = compute.if_else(_of_numbers(column, risky), False, risky)
            mark = pa.scalar(MARK.encode() if binary else MARK, kind)
            empty = pa.scalar(b"" if binary else "", kind)
            column = compute.if_else(
                risky, compute.binary_join_element_wise(mark, column, empty), column
            )
        table = table.set_column(place, escape(field.name), column)
    return table


def _of_numbers(column: Any, risky: Any) -> bool:
    """Whether some texts of a column are negative numbers, and no others are at risk."""
    negative = compute.match_substring_regex(column, _NEGATIVE)
    harmless = compute.or_(negative, compute.match_substring_regex(column, _DASH))
    others = compute.and_not(risky, harmless)
    return compute.any(negative).as_py() is True and compute.any(others).as_py() is not True
