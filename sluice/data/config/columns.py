"""The section `columns` of a `dataset.yaml`: which column means what, by task."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from sluice.data.config.base import Section, distinct

ColumnType = Literal["numeric", "categorical", "boolean", "date"]
ColumnName = Annotated[str, Field(min_length=1)]

FORMS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "messages": (("messages",), ()),
    "pairs": (("prompt", "response"), ("input",)),
    "alpaca": (("instruction", "output"), ("input",)),
}
"""Form of instructions to the columns that it must name and those that it may."""
COMPANIONS = ("system", "history")
"""Columns that may stand beside any form."""


class Columns(Section):
    """Which column of the files means what."""

    text: ColumnName | None = Field(
        default=None, description="Column that holds the text; the task text needs it."
    )
    label: ColumnName | None = Field(
        default=None,
        description="Column that holds the class, as text or number; the tasks text and tabular "
        "need it.",
    )
    features: Annotated[list[ColumnName], Field(min_length=1), AfterValidator(distinct)] | None = (
        Field(
            default=None,
            description="Columns of a table that are learnt from, for the task tabular; without it "
            "all that have no other meaning.",
        )
    )
    messages: ColumnName | None = Field(
        default=None,
        description="Column of chat messages, for the task instructions: lists of {role, content} "
        "or {from, value}. Without messages, prompt and instruction the files show their form.",
    )
    prompt: ColumnName | None = Field(
        default=None, description="Column of prompts, for the task instructions; with response."
    )
    response: ColumnName | None = Field(
        default=None, description="Column of responses, for the task instructions; with prompt."
    )
    instruction: ColumnName | None = Field(
        default=None,
        description="Column of instructions in the Alpaca form, for the task instructions; with "
        "output.",
    )
    input: ColumnName | None = Field(
        default=None,
        description="Column of what an instruction or prompt is about; blank where there is "
        "nothing.",
    )
    output: ColumnName | None = Field(
        default=None, description="Column of responses in the Alpaca form; with instruction."
    )
    system: ColumnName | None = Field(
        default=None,
        description="Column of system messages, for the task instructions; blank where there is "
        "none.",
    )
    history: ColumnName | None = Field(
        default=None,
        description="Column of earlier turns, for the task instructions: lists of messages, or of "
        "pairs of a prompt and its response.",
    )
    family: ColumnName | None = Field(
        default=None,
        description="Column of the kind of task of a row, for the task instructions; without it "
        "all rows are of one family.",
    )
    tokens: ColumnName | None = Field(
        default=None,
        description="Column of lists of words, for JSONL files of the task tokens; without it "
        "tokens.",
    )
    tags: ColumnName | None = Field(
        default=None,
        description="Column of what a row is about, for the task instructions: lists, or texts "
        "with commas between; without it tags are mined. For JSONL files of the task tokens: "
        "lists of one BIO tag a word; without it tags.",
    )
    quality: ColumnName | None = Field(
        default=None,
        description="Column of numbers of at least 0, for the task instructions: how good a row "
        "is; without it a score of the language model says so.",
    )
    id: ColumnName | None = Field(
        default=None, description="Column that names each row once; without it the content does."
    )
    group: ColumnName | None = Field(
        default=None, description="Column whose equal values stay on one side of the split."
    )
    split: ColumnName | None = Field(
        default=None,
        description="Column that says train, validation or test; without it hashes decide.",
    )
    types: dict[ColumnName, ColumnType] = Field(
        default={},
        description="Types of columns of a table, where the values mislead: numeric, categorical, "
        "boolean or date. A column that is not here shows its type by its training rows.",
    )

    @property
    def special(self) -> dict[str, str]:
        """Meaning to column, for columns of one text a row; a family is the label of its row."""
        known = {
            "text": self.text,
            "label": self.label or self.family,
            "id": self.id,
            "group": self.group,
            "split": self.split,
        }
        return {meaning: name for meaning, name in known.items() if name is not None}

    @property
    def form(self) -> dict[str, str]:
        """Part of a form of instructions to column, for those that are named."""
        parts = {
            part: getattr(self, part)
            for part in (
                *(p for needed, more in FORMS.values() for p in needed + more),
                *COMPANIONS,
            )
        }
        return {part: name for part, name in parts.items() if name is not None}

    @model_validator(mode="after")
    def _one_meaning_each(self) -> Columns:
        special = list(self.special.values())
        own = [name for name in (self.tokens, self.tags, self.quality) if name is not None]
        named = [*special, *(self.features or []), *self.form.values(), *own]
        for place, name in enumerate(named):
            if name in named[:place]:
                raise ValueError(f"gives the column {name!r} two meanings; name one column each")
        for name in self.types:
            if name in special or (self.features is not None and name not in self.features):
                raise ValueError(
                    f"gives a type to the column {name!r}, which is not among the features; "
                    "remove it from types"
                )
        return self


_OWN = {
    "text": ("text", "label"),
    "tabular": ("label", "features", "types"),
    "instructions": (
        *("messages", "prompt", "response", "instruction", "input", "output", *COMPANIONS),
        *("family", "tags", "quality"),
    ),
    "tokens": ("tokens", "tags"),
}
"""Task to the keys that it reads beside id, group and split."""

_NEEDED = {
    "text": {"text": "the text", "label": "the class"},
    "tabular": {"label": "the class"},
    "instructions": {},
    "tokens": {},
}

_ADVICE = {
    ("tabular", "text"): "remove it, and name the columns to learn from under features (without "
    "it, all that have no other meaning)",
    ("instructions", "label"): "write family instead, or remove it",
    ("tokens", "text"): "write tokens and tags, or remove it: CoNLL files need no column named",
    ("tokens", "label"): "remove it: the types of a sentence's spans are its label",
    ("instructions", "text"): "write messages, or prompt and response, or instruction and output",
}


def check_columns(columns: Columns, task: str) -> None:
    """Raise ValueError unless the columns are those of a task.

    Cost: a look at each key.
    """
    for key, what in _NEEDED[task].items():
        if getattr(columns, key) is None:
            raise ValueError(f"lacks {key}; name the column that holds {what}")
    for key in [name for own in _OWN.values() for name in own]:
        if getattr(columns, key) and key not in _OWN[task]:
            advice = _ADVICE.get((task, key), "remove it")
            raise ValueError(f"has {key}, which the task {task} does not read; {advice}")
    _check_form(list(columns.form))


def _check_form(parts: list[str]) -> None:
    """Raise ValueError unless the named parts make one whole form, or there is none."""
    parts = [part for part in parts if part not in COMPANIONS]
    # An input alone is of the Alpaca form.
    first = next((part for part in parts if part != "input"), "input")
    if not parts:
        return
    for needed, more in reversed(FORMS.values()):
        if first not in needed + more:
            continue
        foreign = [part for part in parts if part not in needed + more]
        if foreign:
            raise ValueError(
                f"names {first} and {foreign[0]}, which are of two forms; name messages, or "
                "prompt and response, or instruction, output and input"
            )
        absent = [part for part in needed if part not in parts]
        if absent:
            raise ValueError(f"has {first} without {absent[0]}; name that column, too")
