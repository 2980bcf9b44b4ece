"""The forms in which files hold conversations: Alpaca, prompt and response, chat messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sluice.data.columns import require_columns
from sluice.data.config_columns import Columns
from sluice.errors import DataError

# Names by which a column is found that nobody named (ours, after published data sets).
_MESSAGES = ("messages", "conversations", "conversation")
_PROMPTS = ("prompt", "question", "query")
_RESPONSES = ("response", "completion", "answer")


@dataclass(frozen=True)
class Form:
    """Which columns of a file hold the conversation.

    Attributes
    ----------
    name : str
        ``"messages"``, ``"pairs"`` (prompt and response) or ``"alpaca"``.
    columns : dict of str to str
        Part of the form (messages; prompt, response; instruction, input, output) to column.
    """

    name: str
    columns: dict[str, str]

    def __str__(self) -> str:
        """Say what it is, for people."""
        called = {"messages": "chat messages", "pairs": "prompt and response", "alpaca": "Alpaca"}
        return f"{called[self.name]} ({', '.join(self.columns.values())})"


def form_of(columns: Columns, present: Sequence[str], shown: str) -> Form:
    """Return the form that the configuration names, or else the one that a file shows.

    A file shows a form by its columns: ``messages`` or ``conversations``; ``prompt``,
    ``question`` or ``query`` with ``response``, ``completion`` or ``answer``; ``instruction`` with
    ``output`` and, where it is there, ``input``.

    Parameters
    ----------
    columns : Columns
        Of the configuration.
    present : sequence of str
        Columns of the file.
    shown : str
        The file, for messages.

    Raises
    ------
    DataError
        A named column is missing, or the file shows no form or several.
    """
    named = columns.form
    if named:
        require_columns(list(named.values()), list(present), shown)
        name = next(f for f, part in _MARKS.items() if part in named)
        return Form(name, named)
    taken = {*columns.special.values(), columns.tags, columns.quality}
    found = _found([name for name in present if name not in taken])
    listed = ", ".join(present) or "none"
    if not found:
        raise DataError(
            f"{shown} shows no form of instructions; its columns: {listed}. Name the columns under "
            "columns in dataset.yaml (or as options of `sluice add`): messages, or prompt and "
            "response, or instruction, output and input."
        )
    if len(found) > 1:
        raise DataError(
            f"{shown} mixes forms: {' and '.join(map(str, found))}. Name the columns of one of "
            "them under columns in dataset.yaml (or as options of `sluice add`); rows of another "
            "form belong in a dataset of their own."
        )
    require_columns(list(found[0].columns.values()), list(present), shown)
    return found[0]


_MARKS = {"messages": "messages", "pairs": "prompt", "alpaca": "instruction"}


def _found(present: Sequence[str]) -> list[Form]:
    """Return every form that the names of columns show."""
    forms = [Form("messages", {"messages": n}) for n in dict.fromkeys(present) if n in _MESSAGES]
    prompts = [name for name in _PROMPTS if name in present]
    responses = [name for name in _RESPONSES if name in present]
    forms += [Form("pairs", {"prompt": p, "response": r}) for p in prompts for r in responses]
    if "instruction" in present and "output" in present:
        parts = ("instruction", "input", "output")
        forms.append(Form("alpaca", {part: part for part in parts if part in present}))
    return forms
