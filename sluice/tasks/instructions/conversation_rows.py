"""Rows of a file in any form of instructions, written as one text each."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from sluice.data.payloads.conversations import (
    PARTS,
    UNREAD_PARTS,
    UNREADABLE,
    Conversation,
    Message,
    conversation_text,
    read_quality,
)
from sluice.data.readers.json_text import read_json
from sluice.data.values.stringify import column_text, value_text
from sluice.tasks.instructions.config import COMPANIONS, ConversationColumns
from sluice.tasks.instructions.forms import Form, form_of

_SPEAKERS = {"human": "user", "gpt": "assistant", "user": "user", "assistant": "assistant"}

Cells = list[Any]


def conversation_rows(table: pa.Table, columns: ConversationColumns, shown: str) -> pa.Array:
    """Write each row as one JSON text, whatever the form of the file.

    A row's text depends on that row alone. Rows that cannot be used are written, too: what is
    wrong with them is found by `sluice.data.ingest.row_rules.row_fault`. Cost: about 10
    microseconds a row.

    Parameters
    ----------
    table : Table
        With the columns of its form. Messages are lists of ``{role, content}`` or ``{from,
        value}``, or JSON texts of such lists.
    columns : ConversationColumns
        Of the configuration.
    shown : str
        The file, for messages.

    Returns
    -------
    Array of string
        As `sluice.data.payloads.conversations.conversation_text` writes them; no null.

    Raises
    ------
    DataError
        The file shows no form or several, lacks a column, or a column of texts holds none.
    """
    form = form_of(columns, table.column_names, shown, nested(table))
    messages = _with_companions(_READERS[form.name](table, form, shown), table, form, shown)
    tags = _cells(table, columns.tags)
    qualities = _cells(table, columns.quality)
    texts = [
        conversation_text(
            Conversation(
                tuple(messages[row]),
                None if tags is None else read_tags(tags[row]),
                None if qualities is None else read_quality(qualities[row]),
            )
        )
        for row in range(table.num_rows)
    ]
    return pa.array(texts, pa.string())


def nested(table: pa.Table) -> list[str]:
    """Return the columns of a table that hold lists or objects."""
    return [field.name for field in table.schema if pa.types.is_nested(field.type)]


def _with_companions(
    rows: list[list[Message]], table: pa.Table, form: Form, shown: str
) -> list[list[Message]]:
    """Put system messages and earlier turns before what the form holds."""
    system, history = (form.columns.get(part) for part in COMPANIONS)
    if system is not None:
        texts = _texts(table, system, shown)
        rows = [_after_system(text, row) for text, row in zip(texts, rows, strict=True)]
    if history is not None:
        cells = table.column(history).to_pylist()
        rows = [_after(read_history(cell), row) for cell, row in zip(cells, rows, strict=True)]
    return rows


def _after_system(text: str, messages: list[Message]) -> list[Message]:
    first = Message("system", text)
    # Said twice it is one; two that differ are found by `message_fault`.
    return messages if not text.strip() or messages[:1] == [first] else [first, *messages]


def _after(earlier: list[Message], messages: list[Message]) -> list[Message]:
    systems = 0
    while systems < len(messages) and messages[systems].role == "system":
        systems += 1
    return [*messages[:systems], *earlier, *messages[systems:]]


def _cells(table: pa.Table, column: str | None) -> Cells | None:
    return None if column is None else table.column(column).to_pylist()


def _texts(table: pa.Table, column: str, shown: str) -> list[str]:
    written = column_text(table.column(column), f"{shown}: the column {column!r}")
    return [text or "" for text in written.to_pylist()]


def _of_messages(table: pa.Table, form: Form, shown: str) -> list[list[Message]]:
    return [read_messages(cell) for cell in table.column(form.columns["messages"]).to_pylist()]


def _of_pairs(table: pa.Table, form: Form, shown: str) -> list[list[Message]]:
    asked, answered = ("prompt", "response") if form.name == "pairs" else ("instruction", "output")
    prompts = _texts(table, form.columns[asked], shown)
    responses = _texts(table, form.columns[answered], shown)
    named = form.columns.get("input")
    inputs = [""] * table.num_rows if named is None else _texts(table, named, shown)
    return [
        [
            # Blank inputs mean none; the published files write them as "".
            Message("user", f"{task}\n\n{given}" if given.strip() else task),
            Message("assistant", output),
        ]
        for task, given, output in zip(prompts, inputs, responses, strict=True)
    ]


_READERS: dict[str, Callable[[pa.Table, Form, str], list[list[Message]]]] = {
    "messages": _of_messages,
    "pairs": _of_pairs,
    "alpaca": _of_pairs,
}


def read_messages(cell: object) -> list[Message]:
    """Read one cell of messages.

    Parameters
    ----------
    cell : object
        A list of objects with ``role`` and ``content``, or ``from`` and ``value``; such a list as
        JSON text; an object of two equally long lists, as ``datasets`` stores a ``Sequence``.

    Returns
    -------
    list of Message
        ``human`` is the user, ``gpt`` the assistant; other roles stay as they are, in lower case.
        A cell that is none of these gives one message of the role `UNREADABLE` that holds it.
    """
    value = cell
    if isinstance(value, str):
        if not value.strip():
            return []
        value = _from_json(value)
    if isinstance(value, dict):
        value = _turned(value)
    if value is None:
        return [] if cell is None else [Message(UNREADABLE, str(cell))]
    if not isinstance(value, list):
        return [Message(UNREADABLE, value_text(value) or "")]
    return [_message(each) for each in value]


def read_history(cell: object) -> list[Message]:
    """Read one cell of earlier turns: messages, or pairs of a prompt and its response.

    Returns
    -------
    list of Message
        See `read_messages`; of a list of pairs two messages each.
    """
    value = _from_json(cell) if isinstance(cell, str) else cell
    if isinstance(value, list) and value and all(_is_pair(each) for each in value):
        return [
            Message(role, value_text(text) or "")
            for pair in value
            for role, text in zip(("user", "assistant"), pair, strict=True)
        ]
    return read_messages(cell)


def _is_pair(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and not any(isinstance(part, list | dict) for part in value)
    )


def _from_json(text: str) -> Any:
    try:
        return read_json(text)
    except ValueError:
        return None


def _turned(value: dict[str, Any]) -> Any:
    """Turn an object of lists into a list of objects."""
    lists = {key: part for key, part in value.items() if isinstance(part, list)}
    if len(lists) < 2 or len({len(part) for part in lists.values()}) != 1:
        return value
    if any(part is not None and key not in lists for key, part in value.items()):
        return value
    length = len(next(iter(lists.values())))
    return [{key: part[place] for key, part in lists.items()} for place in range(length)]


def _message(value: object) -> Message:
    if not isinstance(value, dict):
        return Message(UNREADABLE, value_text(value) or "")
    spoken = [(value.get("role"), value.get("content")), (value.get("from"), value.get("value"))]
    given = [(role, content) for role, content in spoken if role is not None]
    role, content = given[0] if len(given) == 1 else (None, None)
    content = _only_text(content)
    if not isinstance(role, str) or isinstance(content, list | dict):
        # Parts of images and calls of tools are no text to learn from.
        return Message(UNREADABLE, value_text(value) or "")
    if any(_says(key, part) for key, part in value.items()):
        return Message(UNREAD_PARTS, value_text(value) or "")
    role = role.strip().lower()
    return Message(_SPEAKERS.get(role, role), value_text(content) or "")


def _only_text(content: object) -> object:
    """Return the text of a content that is a list of one part, a text; any other as it is."""
    if not isinstance(content, list) or len(content) != 1 or not isinstance(content[0], dict):
        return content
    # Parquet fills the keys of other parts up with nulls.
    part = {key: value for key, value in content[0].items() if value is not None}
    alone = part.keys() == {"type", "text"} and part["type"] == "text"
    return part["text"] if alone and isinstance(part["text"], str) else content


def _says(key: str, part: object) -> bool:
    """Whether a further part of a message says something that its text does not."""
    if key == "weight":
        return part not in (None, 1)
    return key in PARTS and part not in (None, "", [], {})


def read_tags(cell: object) -> tuple[str, ...]:
    """Read one cell of tags: a list, a JSON list, or a text with commas or semicolons between.

    Returns
    -------
    tuple of str
        Each once, NFC, without white space around it, ascending.
    """
    value = cell
    if isinstance(value, str):
        listed = _from_json(value) if value.lstrip().startswith("[") else None
        value = listed if isinstance(listed, list) else value.replace(";", ",").split(",")
    parts = value if isinstance(value, list) else [value]
    texts = [unicodedata.normalize("NFC", value_text(part) or "") for part in parts]
    return tuple(sorted({" ".join(text.split()) for text in texts} - {""}))
