"""What can be wrong with a raw row by itself."""

from __future__ import annotations

from sluice.data.config import DatasetConfig
from sluice.data.screened import Row
from sluice.data.splits import SPLIT_NAMES
from sluice.data.table_rows import infinite_column, is_empty_row


def row_fault(row: Row, without_id: bool, config: DatasetConfig) -> tuple[str, str] | None:
    """Return why a row cannot be used, and what to do, or None.

    Parameters
    ----------
    row : Row
    without_id : bool
        Whether it lacks the id that it should have.
    config : DatasetConfig

    Returns
    -------
    tuple of str or None
        Reason (missing_label; empty_text and text_too_long of texts, empty_row and
        infinite_value of tables; missing_id, unknown_split) and detail.
    """
    columns = config.columns
    if not row.label:
        return "missing_label", f"The column {columns.label!r} is empty. Fill in the label."
    fault = _of_text(row, config) if config.task == "text" else _of_table(row, config)
    if fault is not None:
        return fault
    if without_id:
        return "missing_id", f"The column {columns.id!r} is empty. Fill in an id."
    if row.split is None:
        return (
            "unknown_split",
            f"The column {columns.split!r} holds none of {', '.join(SPLIT_NAMES)}. Correct it.",
        )
    return None


def _of_text(row: Row, config: DatasetConfig) -> tuple[str, str] | None:
    if not row.normalised:
        return "empty_text", f"The column {config.columns.text!r} holds no text. Fill it in."
    if len(row.text) > config.limits.max_characters:
        return (
            "text_too_long",
            f"The text has {len(row.text)} characters, more than limits.max_characters "
            f"({config.limits.max_characters}). Shorten it or raise the limit.",
        )
    return None


def _of_table(row: Row, config: DatasetConfig) -> tuple[str, str] | None:
    if is_empty_row(row.text):
        return "empty_row", "Every column of features is empty. Fill in at least one."
    infinite = infinite_column(row.text, config.columns)
    if infinite is not None:
        return (
            "infinite_value",
            f"The column {infinite!r} holds an infinite number. Leave it empty or correct it; "
            "where it is a word, write categorical for the column under types.",
        )
    return None
