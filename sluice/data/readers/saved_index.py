"""Row numbers and names that pandas saved beside the columns of a frame."""

from __future__ import annotations

import json
import re

import pyarrow as pa

from sluice.data.config.columns import Columns

# pandas: an index without a name in Parquet, and in CSV files that it read and wrote again.
_NAMES = re.compile(r"__index_level_\d+__|Unnamed: 0(?:\.\d+)*")


def saved_index(table: pa.Table, columns: Columns) -> list[str]:
    """Return the columns of a file that are an index, and that nobody named for something.

    None where the features are named; else those that the metadata of pandas call so, those
    called as pandas calls an index, and a first column without a name.

    Parameters
    ----------
    table : Table
        As `sluice.data.ingest.raw.read_file` returns it.
    columns : Columns
        Of the configuration: what it names is no index.
    """
    if columns.features is not None:
        return []
    present = table.column_names
    found = {name for name in present if _NAMES.fullmatch(name)} | set(_of_metadata(table))
    if present and not present[0].strip():
        found.add(present[0])
    own = [columns.tags, columns.quality, *columns.form.values(), *columns.special.values()]
    named = {*own, *columns.types}
    return [name for name in dict.fromkeys(present) if name in found - named]


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
