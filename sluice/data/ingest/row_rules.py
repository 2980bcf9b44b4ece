"""What can be wrong with a raw row by itself."""

from __future__ import annotations

from collections.abc import Mapping

from sluice.data.config import DatasetConfig
from sluice.data.ingest.row_format import Fault, RowFormat
from sluice.data.ingest.splits import SPLIT_NAMES
from sluice.data.ingest.validation_result import Row


def row_fault(row: Row, without_id: bool, config: DatasetConfig, rows: RowFormat) -> Fault | None:
    """Return why a row cannot be used, and what to do, or None.

    Parameters
    ----------
    row : Row
    without_id : bool
        Whether it lacks the id that it should have.
    config : DatasetConfig
    rows : RowFormat

    Returns
    -------
    tuple of str or None
        Reason (nul_character; missing_label, unless rows without a label are kept; those of the
        format; missing_id, unknown_split) and detail.
    """
    columns = config.columns
    fault = _nul_fault(rows.stored(row), config)
    if fault is not None:
        return fault
    if not row.label and not config.keeps_unlabelled:
        named = columns.special.get("label")
        return "missing_label", f"The column {named!r} is empty. Fill in the label."
    fault = rows.fault(row, config)
    if fault is not None:
        return fault
    if without_id:
        return "missing_id", f"The column {columns.id!r} is empty. Fill in an id."
    if row.split is None:
        return (
            "unknown_split",
            f"The {_split_source(row, config)} none of {', '.join(SPLIT_NAMES)}. Correct it.",
        )
    return None


def _nul_fault(stored: Mapping[str, str], config: DatasetConfig) -> Fault | None:
    """Refuse NUL where a value is kept as it is: the lake's catalogue ends a value there."""
    for what, value in stored.items():
        if "\0" in value:
            column = getattr(config.columns, what, None) or what
            return (
                "nul_character",
                f"The column {column!r} holds a NUL character (U+0000). Take it out.",
            )
    return None


def _split_source(row: Row, config: DatasetConfig) -> str:
    if config.columns.split is None:
        return f"folder of {row.file!r}, as split.by says, is"
    return f"column {config.columns.split!r} holds"
