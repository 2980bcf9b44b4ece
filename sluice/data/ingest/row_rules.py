"""What can be wrong with a raw row by itself."""

from __future__ import annotations

from collections.abc import Callable

from sluice.data.config import DatasetConfig
from sluice.data.ingest.splits import SPLIT_NAMES
from sluice.data.ingest.validation_result import Row
from sluice.data.payloads.conversations import message_fault, quality_fault, read_conversation
from sluice.data.payloads.sentences import read_sentence
from sluice.data.payloads.table_rows import infinite_column, is_empty_row


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
        Reason (nul_character; missing_label, unless the dataset has `labelling`; empty_text and
        text_too_long of texts; empty_row and infinite_value of tables; unreadable_messages,
        unread_parts,
        mixed_roles, no_prompt, no_response, bad_quality and text_too_long of instructions; those of
        `sluice.data.readers.conll.Rejected`, no_bio_tag, ill_formed_bio and text_too_long of tagged
        sentences; missing_id, unknown_split) and detail.
    """
    columns = config.columns
    fault = _nul_fault(row, config)
    if fault is not None:
        return fault
    if not row.label and config.labelling is None:
        return "missing_label", f"The column {columns.label!r} is empty. Fill in the label."
    fault = _OF_TASK[config.task](row, config)
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


def _nul_fault(row: Row, config: DatasetConfig) -> tuple[str, str] | None:
    """Refuse NUL where a value is kept as it is: the lake's catalogue ends a value there.

    What is kept as JSON may hold it: cells of tables, messages, words of sentences.
    """
    label = {"instructions": "family", "tokens": "tags"}.get(config.task, "label")
    found = {"id": row.instance_id, label: row.label, "text": row.text, "group": row.group or ""}
    if config.task == "instructions":
        found["tags"] = "".join(read_conversation(row.text).tags or ())
    for what, value in found.items():
        if "\0" in value:
            column = getattr(config.columns, what) or what
            return (
                "nul_character",
                f"The column {column!r} holds a NUL character (U+0000). Take it out.",
            )
    return None


def _of_text(row: Row, config: DatasetConfig) -> tuple[str, str] | None:
    if not row.normalised:
        return "empty_text", f"The column {config.columns.text!r} holds no text. Fill it in."
    return _too_long("text", len(row.text), config)


def _too_long(what: str, characters: int, config: DatasetConfig) -> tuple[str, str] | None:
    most = config.limits.max_characters
    if characters <= most:
        return None
    return (
        "text_too_long",
        f"The {what} has {characters} characters, more than limits.max_characters ({most}). "
        "Shorten it or raise the limit.",
    )


def _of_conversation(row: Row, config: DatasetConfig) -> tuple[str, str] | None:
    conversation = read_conversation(row.text)
    fault = message_fault(conversation.messages) or quality_fault(conversation.quality)
    if fault is not None:
        return fault
    return _too_long("conversation", sum(len(m.content) for m in conversation.messages), config)


def _of_sentence(row: Row, config: DatasetConfig) -> tuple[str, str] | None:
    read = read_sentence(row.text)
    return read.fault or _too_long("sentence", len(read.words), config)


def _split_source(row: Row, config: DatasetConfig) -> str:
    if config.columns.split is None:
        return f"folder of {row.file!r}, as split.by says, is"
    return f"column {config.columns.split!r} holds"


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


_OF_TASK: dict[str, Callable[[Row, DatasetConfig], tuple[str, str] | None]] = {
    "text": _of_text,
    "tabular": _of_table,
    "instructions": _of_conversation,
    "tokens": _of_sentence,
}
