"""The forms in which files hold conversations: Alpaca, prompt and response, chat messages."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sluice.core.errors import DataError
from sluice.data.readers.columns import require_columns
from sluice.tasks.instructions.config import COMPANIONS, ConversationColumns

# Names by which a column is found that nobody named (ours, after published data sets).
_MESSAGES = ("messages", "conversations", "conversation")
_PROMPTS = ("prompt", "question", "query")
_RESPONSES = ("response", "completion", "answer")
_INPUTS = ("input", "context")
_SYSTEMS = ("system", "system_prompt", "system_message")
_HISTORIES = ("history", "chat_history", "conversation_history")


@dataclass(frozen=True)
class Form:
    """Which columns of a file hold the conversation.

    Attributes
    ----------
    name : str
        ``"messages"``, ``"pairs"`` (prompt and response) or ``"alpaca"``.
    columns : dict of str to str
        Part of the form (messages; prompt, response; instruction, output; input, system, history)
        to column.
    """

    name: str
    columns: dict[str, str]

    def __str__(self) -> str:
        """Say what it is, for people."""
        called = {"messages": "chat messages", "pairs": "prompt and response", "alpaca": "Alpaca"}
        return f"{called[self.name]} ({', '.join(self.columns.values())})"


def form_of(
    columns: ConversationColumns, present: Sequence[str], shown: str, nested: Collection[str] = ()
) -> Form:
    """Return the form that the configuration names, or else the one that a file shows.

    A file shows a form by its columns: ``messages`` or ``conversations``; ``prompt``,
    ``question`` or ``query`` with ``response``, ``completion`` or ``answer``; ``instruction`` with
    ``output`` (or, in files without another form, with one of the responses). Beside it stand,
    where they are there, ``system`` or ``system_prompt``, ``history``, and but for messages
    ``input`` or ``context``. Where the form is named, only what is named is read.

    Parameters
    ----------
    columns : ConversationColumns
        Of the configuration.
    present : sequence of str
        Columns of the file.
    shown : str
        The file, for messages.
    nested : collection of str, optional
        Columns that hold lists or objects: no input and no system message.

    Raises
    ------
    DataError
        A named column is missing, or the file shows no form or several.
    """
    named = columns.form
    require_columns(list(named.values()), list(present), shown)
    name = next((form for part, form in _MARKS.items() if part in named), None)
    if name is not None:
        return Form(name, named)
    taken = set(columns.named)
    free = [name for name in present if name not in taken]
    found = _found(free)
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
    form = found[0]
    plain = [name for name in free if name not in nested]
    beside = {"system": _first(_SYSTEMS, plain), "history": _first(_HISTORIES, free)}
    if form.name != "messages":
        beside = {"input": _first(_INPUTS, plain)} | beside
    beside = {part: name for part, name in beside.items() if name is not None}
    whole = {**form.columns, **beside, **named}
    require_columns(list(whole.values()), list(present), shown)
    return Form(form.name, {part: whole[part] for part in _PARTS if part in whole})


_MARKS = {"messages": "messages", "prompt": "pairs", "instruction": "alpaca"}
_PARTS = ("messages", "prompt", "response", "instruction", "input", "output", *COMPANIONS)


def _first(names: Sequence[str], present: Collection[str]) -> str | None:
    return next((name for name in names if name in present), None)


def _found(present: Sequence[str]) -> list[Form]:
    """Return every form that the names of columns show."""
    forms = [Form("messages", {"messages": n}) for n in dict.fromkeys(present) if n in _MESSAGES]
    prompts = [name for name in _PROMPTS if name in present]
    responses = [name for name in _RESPONSES if name in present]
    forms += [Form("pairs", {"prompt": p, "response": r}) for p in prompts for r in responses]
    if "instruction" not in present:
        return forms
    # As in Dolly, where nothing else is shown.
    outputs = ["output"] if "output" in present else responses if not forms else []
    return forms + [Form("alpaca", {"instruction": "instruction", "output": o}) for o in outputs]
