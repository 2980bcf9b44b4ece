"""Row numbers and names that pandas saved beside the columns of a frame."""

from __future__ import annotations

import json
import re
from collections.abc import Collection

import pyarrow as pa

# pandas: an index without a name in Parquet, and in CSV files that it read and wrote again.
_NAMES = re.compile(r"__index_level_\d+__|Unnamed: 0(?:\.\d+)*")


def saved_index(table: pa.Table, named: Collection[str]) -> list[str]:
    """Return the columns of a file that are an index, and that nobody named for something.

    Those that the metadata of pandas call so, those called as pandas calls an index, and a first
    column without a name.

    Parameters
    ----------
    table : Table
        As `sluice.data.ingest.raw.read_file` returns it.
    named : collection of str
        Columns that mean something and so are no index.
    """
    present = table.column_names
    found = {name for name in present if _NAMES.fullmatch(name)} | set(_of_metadata(table))
    if present and not present[0].strip():
        found.add(present[0])
    return [name for name in dict.fromkeys(present) if name in found.difference(named)]


def _of_metadata(table: pa.Table) -> list[str]:
    written = (table.schema.metadata or {}).get(b"pandas")
    if written is None:
        return []
    try:
        levels = json.loads(written)["index_columns"]
        # An object stands for a range, which is no column.
        return [level for level in levels if isinstance(level, str)]
    except (ValueError, KeyError, TypeError):
        return []


def index_warning(names: list[str], shown: str) -> str:
    """Say which columns were left out, and how they are kept."""
    listed = ", ".join(map(repr, names))
    return (
        f"saved_index: {shown} holds {listed}, a saved index and no column of the table, which is "
        "left out. If it is to be learnt from, name it with the other columns under features."
    )
