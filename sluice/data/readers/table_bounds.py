"""Whether a table is whole and small enough: a few bytes of a file can stand for gigabytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as compute

from sluice.core.bounded import MOST_COLUMNS, MOST_GIB, gib, limit, too_large
from sluice.core.errors import DataError

# Arrow makes these functions at run time, so no type checker sees them.
pc: Any = compute
LONGEST_NAME = 1000
_DEEPEST = 32
# What a cell takes at least, and a row once it is prepared.
_WORD, _ROW = 8, 400
_OVERLAPPING = (
    pa.types.is_run_end_encoded,
    pa.types.is_list_view,
    pa.types.is_large_list_view,
)


def check_width(columns: Sequence[str], rows: int, shown: str) -> None:
    """Refuse a table by its columns and its number of rows alone, before its cells are made.

    Parameters
    ----------
    columns : sequence of str
    rows : int
    shown : str
        The file, for messages.

    Raises
    ------
    DataError
        It has more columns than the limit, a name of more than `LONGEST_NAME` characters, or so
        many cells that they cannot fit, at 8 bytes each.
    """
    if len(columns) > limit(MOST_COLUMNS):
        raise DataError(
            f"{shown} has {len(columns):,} columns, and the limit is {limit(MOST_COLUMNS):,}. "
            "Check that the first line names the columns; or leave out columns, or set the "
            f"environment variable {MOST_COLUMNS} to a larger number."
        )
    for place, name in enumerate(columns, start=1):
        if len(name) > LONGEST_NAME:
            raise DataError(
                f"{shown}: the name of column {place} has {len(name):,} characters, and the limit "
                f"is {LONGEST_NAME:,}: {name[:40]!r}... Check that the first line names the "
                "columns."
            )
    size = _WORD * rows * (len(columns) + 1)
    if size > limit(MOST_GIB):
        raise too_large(
            shown, f"holds {rows:,} rows of {len(columns):,} columns, which take {gib(size)}"
        )


def check_rows(rows: int, size: int, shown: str) -> None:
    """Refuse a file that holds millions of rows, and more of them than it has bytes.

    Raises
    ------
    DataError
    """
    if rows > size and _ROW * rows > limit(MOST_GIB):
        raise too_large(
            shown,
            f"holds {rows:,} rows in {size:,} bytes, so nearly all are the same, and they take "
            f"{gib(_ROW * rows)} to prepare",
        )


def check_table(table: pa.Table, shown: str) -> pa.Table:
    """Return a table as it is, if it is whole and within the limits.

    Raises
    ------
    DataError
        It is too wide or too long (see `check_width`), too large once its repeated values are
        written out, nested too deeply, or holds bytes that its types do not allow: damaged files
        can be read and crash whatever looks at their values.
    """
    check_width(table.column_names, table.num_rows, shown)
    total = 0
    for name, column in zip(table.column_names, table.columns, strict=True):
        check_type(column.type, f"{shown}: the column {name!r}")
        try:
            column.validate()
            total += sum(written_out(chunk) for chunk in column.chunks)
            if total > limit(MOST_GIB):
                break
            column.validate(full=True)
        except (pa.ArrowException, OSError) as error:
            raise DataError(
                f"{shown}: the column {name!r} is damaged or not UTF-8: "
                f"{str(error).splitlines()[0]} Write or copy the file again."
            ) from None
    if total > limit(MOST_GIB):
        raise too_large(shown, f"holds {gib(total)} once its repeated values are written out")
    return table


def check_type(kind: pa.DataType, where: str) -> None:
    """Refuse a type that nests more deeply than any row of data, or whose lists may overlap.

    Raises
    ------
    DataError
    """
    level, deep = [kind], 0
    while level:
        deep += 1
        odd = [each for each in level if any(test(each) for test in _OVERLAPPING)]
        if odd:
            raise DataError(f"{where} holds {odd[0]}. Store it as plain values or lists.")
        if deep > _DEEPEST:
            raise DataError(
                f"{where} nests values more than {_DEEPEST} deep, which is no row of data. Write "
                "such values into columns of their own first."
            )
        level = [each.field(at).type for each in level for at in range(each.num_fields)]


def written_out(values: pa.Array) -> int:
    """Return the bytes that the texts of an array take once each row has its own, its nested too.

    Raises nothing; other types take what `check_width` counts.
    """
    kind = values.type
    if isinstance(values, pa.DictionaryArray):
        distinct = values.dictionary
        if not (_is_text(distinct.type) and len(values)):
            return 0
        lengths = pc.fill_null(pc.cast(pc.binary_length(distinct), pa.int64()), 0)
        return pc.sum(lengths.take(values.indices)).as_py() or 0
    if _is_view(kind):
        # A view is 16 bytes, the first four of which are its length; many may show one text.
        views = pa.Array.from_buffers(
            pa.int32(), 4 * len(values), [None, values.buffers()[1]], offset=4 * values.offset
        )
        return pc.sum(views.take(pa.array(range(0, 4 * len(values), 4)))).as_py() or 0
    if pa.types.is_struct(kind):
        return sum(written_out(values.field(at)) for at in range(kind.num_fields))
    if pa.types.is_nested(kind) and hasattr(values, "values"):
        return written_out(values.values)
    return 0


def _is_text(kind: pa.DataType) -> bool:
    tests = ("is_string", "is_large_string", "is_binary", "is_large_binary")
    return any(getattr(pa.types, test)(kind) for test in tests)


def _is_view(kind: pa.DataType) -> bool:
    return pa.types.is_string_view(kind) or pa.types.is_binary_view(kind)
