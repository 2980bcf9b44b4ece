"""The content of a row as a person reads it."""

from __future__ import annotations

from sluice.core import registry
from sluice.data.config import TASKS
from sluice.data.payloads.conversations import SHOWN_PART


def shown_text(text: str, task: str, most: int = SHOWN_PART) -> str:
    """Return the text of an instance for people, as its task's row format shows it.

    Parameters
    ----------
    text : str
        As the column ``text`` of `sluice.data.ingest.instances.Prepared` holds it.
    task : str
    most : int
        Characters of a prompt and of a response that are shown.
    """
    return registry.load(TASKS, task).rows.display(text, most)
