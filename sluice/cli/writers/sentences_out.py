"""Tagged sentences as JSONL files hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def with_words(table: pa.Table) -> pa.Table:
    """Give tagged sentences their words and tags back, in place of the one text that holds them.

    Parameters
    ----------
    table : Table
        With ``text``, among others.

    Returns
    -------
    Table
        In place of ``text``: ``tokens`` and ``tags``, a list each. Written as JSONL, `sluice add`
        reads it again.
    """
    import pyarrow as pa

    from sluice.data.payloads.sentences import read_sentence

    rows = [read_sentence(text) for text in table["text"].to_pylist()]
    place = table.column_names.index("text")
    given = table.drop_columns(["text"])
    for name in ("tags", "tokens"):
        values = [list(getattr(row, name)) for row in rows]
        given = given.add_column(place, name, pa.array(values, pa.list_(pa.string())))
    return given
