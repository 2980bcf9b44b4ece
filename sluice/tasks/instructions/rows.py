"""Rows of the task instructions: a conversation that ends with a response, and its family."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from sluice.core.errors import DataError
from sluice.data.config import DatasetConfig
from sluice.data.ingest.classes import check_training_rows, split_warnings
from sluice.data.ingest.read_file import read_file
from sluice.data.ingest.row_format import Fault, FileRows, RowFormat, raw_rows, too_long
from sluice.data.ingest.validation_result import Row, Screened
from sluice.data.payloads.conversations import (
    NO_FAMILY,
    SHOWN_PART,
    embedded_text,
    message_fault,
    quality_fault,
    read_conversation,
    shown_conversation,
)
from sluice.data.readers.columns import require_columns
from sluice.data.readers.reading_warnings import warnings_of
from sluice.data.readers.saved_index import saved_index
from sluice.data.values.normalise import normalise
from sluice.data.values.stringify import column_text
from sluice.tasks.instructions.config import ConversationColumns, InstructionsConfig
from sluice.tasks.instructions.conversation_rows import conversation_rows, nested
from sluice.tasks.instructions.forms import Form, form_of
from sluice.tasks.instructions.leaks import refuse_shared_prompts
from sluice.tasks.instructions.row_warnings import row_warnings
from sluice.tasks.instructions.unread import unread_cells, unread_warning


class ConversationFormat(RowFormat):
    """Conversations in one of three forms, which the files show by their columns.

    Prompts with several responses are kept; rows with equal prompt and response, and the same
    beside them, are one. Equal prompts are on one side of the split.
    """

    columns_named: ClassVar[str] = "messages, or prompt and response, or instruction and output"
    options_named: ClassVar[str] = (
        "Check the columns, such as --messages-column or --prompt-column."
    )
    label_key: ClassVar[str] = "family"
    classes: ClassVar[bool] = False

    def columns_read(self, config: DatasetConfig) -> list[str] | None:
        """Return None: a file shows its form by its columns, and messages are no texts."""
        return None

    def of_table(self, table: pa.Table, config: DatasetConfig, shown: str, name: str) -> FileRows:
        """Write each conversation as one text; the label is its family, `NO_FAMILY` without one.

        The column ``unread`` is what `unread_cells` says of what stands beside it.
        """
        columns = InstructionsConfig.of(config).columns
        form = form_of(columns, table.column_names, shown, nested(table))
        require_columns([*columns.special.values(), *columns.beside], table.column_names, shown)
        made = {
            "text": conversation_rows(table, columns, shown),
            "unread": _unread(table, columns, form),
            "label": pa.repeat(pa.scalar(NO_FAMILY, pa.string()), table.num_rows),
        }
        raw = raw_rows(table, config, shown, name, made, _families)

        def taken(rows: Sequence[Row]) -> list[str]:
            return [row.text for row in rows]

        return FileRows(table, raw, warnings_of(table), taken, (form.name, f"{shown}: {form}"))

    def check_alike(self, first: Any, read: FileRows, shown: str) -> None:
        """Refuse a file of another form than the first."""
        if read.form[0] != first[0]:
            raise DataError(
                f"The files hold instructions of different forms: {first[1]}; {read.form[1]}. Make "
                "a dataset of each, or write all in one form."
            )

    def reading_warnings(self, whole: pa.Table) -> list[str]:
        """Name what is in the files and no part of the conversations."""
        return unread_warning(whole)

    def with_form(self, path: Path, config: DatasetConfig) -> tuple[DatasetConfig, str]:
        """Name the columns of the form that a file shows."""
        table = read_file(path, delimiter=config.reading.delimiter)
        columns = InstructionsConfig.of(config).columns
        form = form_of(columns, table.column_names, str(path), nested(table))
        named = columns.model_copy(update=form.columns)
        return config.model_copy(update={"columns": named}), str(form)

    def stored(self, row: Row) -> dict[str, str]:
        """Return what is kept as it is, tags among it; messages are kept as JSON."""
        return super().stored(row) | {"tags": "".join(read_conversation(row.text).tags or ())}

    def fault(self, row: Row, config: DatasetConfig) -> Fault | None:
        """Refuse what is no conversation with a response, a quality that is none, and long ones.

        Its reasons: unreadable_messages, unread_parts, mixed_roles, no_prompt, no_response,
        bad_quality, text_too_long.
        """
        read = read_conversation(row.text)
        fault = message_fault(read.messages) or quality_fault(read.quality)
        characters = sum(len(message.content) for message in read.messages)
        return fault or too_long("conversation", characters, config)

    def keys(self, text: str) -> tuple[str, str]:
        """Return prompt and response, and the prompt, without case and spare white space."""
        read = read_conversation(text)
        prompt = normalise(read.prompt)
        return f"{prompt}\n{normalise(read.response)}", prompt

    def repeated(self, row: Row, first: Row) -> Fault:
        """Say that a row is another once more, whatever their families."""
        return (
            "duplicate_row",
            f"Prompt and response equal those of {first.instance_id!r} but for case and white "
            "space. Nothing need be done: one of them is kept.",
        )

    def check_between(self, rows: Sequence[Row], config: DatasetConfig) -> None:
        """Refuse prompts that are both trained on and held out."""
        refuse_shared_prompts(rows, config)

    def check_usable(self, screened: Screened, config: DatasetConfig) -> None:
        """Refuse fewer than two training rows."""
        check_training_rows(screened.kept)

    def warnings(self, screened: Screened) -> list[str]:
        """Say what is odd of splits, families and prompts."""
        return [*split_warnings(screened), *row_warnings(screened.kept)]

    def embedded(self, text: str) -> str:
        """Return the prompt, a new line, the response."""
        return embedded_text(text)

    def display(self, text: str, most: int = SHOWN_PART) -> str:
        """Return prompt and response on one line."""
        return shown_conversation(text, most)

    def restore(self, table: pa.Table) -> pa.Table:
        """Give rows their messages back, in place of the one text that holds them.

        In place of ``text``: ``messages`` (a list of role and content) and, where a row has any,
        ``tags`` and ``quality``; ``family`` in place of ``label``. `sluice add` reads it again.
        """
        rows = [read_conversation(text) for text in table["text"].to_pylist()]
        message = pa.struct([("role", pa.string()), ("content", pa.string())])
        columns: dict[str, pa.Array] = {
            "messages": pa.array([row.mappings for row in rows], pa.list_(message))
        }
        if any(row.tags is not None for row in rows):
            tags = [None if row.tags is None else list(row.tags) for row in rows]
            columns["tags"] = pa.array(tags, pa.list_(pa.string()))
        if any(row.quality is not None for row in rows):
            columns["quality"] = pa.array([row.quality for row in rows], pa.float64())
        place = table.column_names.index("text")
        given = table.drop_columns(["text"])
        for name in reversed(columns):
            given = given.add_column(place, name, columns[name])
        names = ["family" if name == "label" else name for name in given.column_names]
        return given.rename_columns(names)


def _unread(table: pa.Table, columns: ConversationColumns, form: Form) -> pa.Array:
    read = {*form.columns.values(), *columns.special.values(), *columns.beside}
    read |= set(saved_index(table, columns.named))
    messages = [form.columns[part] for part in ("messages", "history") if part in form.columns]
    return pa.array(unread_cells(table, read, messages), pa.string())


def _families(column: pa.ChunkedArray, what: str) -> pa.ChunkedArray:
    """Return the families of rows, those of blank cells by the name of no family."""
    names: list[str | None] = column_text(column, what).to_pylist()
    return pa.chunked_array([[(name or "").strip() or NO_FAMILY for name in names]], pa.string())
