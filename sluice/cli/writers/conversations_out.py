"""Rows of instructions as files hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.data.payloads.conversations import read_conversation

if TYPE_CHECKING:
    import pyarrow as pa


def with_messages(table: pa.Table) -> pa.Table:
    """Give rows of instructions their messages back, in place of the one text that holds them.

    Parameters
    ----------
    table : Table
        With ``text`` and ``label``, among others.

    Returns
    -------
    Table
        In place of ``text``: ``messages`` (a list of role and content) and, where a row has any,
        ``tags`` and ``quality``; ``family`` in place of ``label``. `sluice add` reads it again.
    """
    import pyarrow as pa

    rows = [read_conversation(text) for text in table["text"].to_pylist()]
    message = pa.struct([("role", pa.string()), ("content", pa.string())])
    columns: dict[str, pa.Array] = {
        "messages": pa.array([row.mappings for row in rows], pa.list_(message))
    }
    if any(row.tags is not None for row in rows):
        columns["tags"] = pa.array(
            [None if row.tags is None else list(row.tags) for row in rows], pa.list_(pa.string())
        )
    if any(row.quality is not None for row in rows):
        columns["quality"] = pa.array([row.quality for row in rows], pa.float64())
    place = table.column_names.index("text")
    given = table.drop_columns(["text"])
    for name in reversed(columns):
        given = given.add_column(place, name, columns[name])
    names = ["family" if name == "label" else name for name in given.column_names]
    return given.rename_columns(names)
