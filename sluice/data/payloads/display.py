"""The content of a row as a person reads it."""

from __future__ import annotations

from sluice.data.payloads.conversations import SHOWN_PART, shown_conversation
from sluice.data.payloads.sentences import joined_words
from sluice.data.payloads.table_rows import shown_row


def shown_text(text: str, task: str, most: int = SHOWN_PART) -> str:
    """Return the text of an instance for people.

    Parameters
    ----------
    text : str
        As the column ``text`` of `sluice.data.ingest.instances.Prepared` holds it.
    task : str
        A text is shown as it is, a row of a table by its columns, a conversation as prompt and
        response on one line, a tagged sentence as its words.
    most : int
        Characters of a prompt and of a response that are shown.
    """
    if task == "tabular":
        return shown_row(text)
    if task == "tokens":
        return joined_words(text)
    return shown_conversation(text, most) if task == "instructions" else text
