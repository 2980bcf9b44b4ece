"""Options that name the columns of a file, for every command that reads one."""

from __future__ import annotations

from typing import Annotated

import typer

LabelColumn = Annotated[
    str | None, typer.Option(help="Column that holds the class (tasks text and tabular).")
]
TextColumn = Annotated[str | None, typer.Option(help="Column that holds the text (task text).")]
FeatureColumns = Annotated[
    list[str] | None,
    typer.Option(help="A column to learn from (task tabular); repeatable; all if not given."),
]
MessagesColumn = Annotated[
    str | None,
    typer.Option(
        help="Column of chat messages (task instructions). The form is found by the names of "
        "the columns if none of these is given."
    ),
]
PromptColumn = Annotated[str | None, typer.Option(help="Column of prompts (task instructions).")]
ResponseColumn = Annotated[
    str | None, typer.Option(help="Column of responses (task instructions).")
]
InstructionColumn = Annotated[
    str | None, typer.Option(help="Column of instructions in the Alpaca form.")
]
InputColumn = Annotated[
    str | None, typer.Option(help="Column of what a prompt is about (task instructions).")
]
OutputColumn = Annotated[str | None, typer.Option(help="Column of responses in the Alpaca form.")]
SystemColumn = Annotated[
    str | None, typer.Option(help="Column of system messages (task instructions).")
]
HistoryColumn = Annotated[
    str | None, typer.Option(help="Column of earlier turns (task instructions).")
]
FamilyColumn = Annotated[
    str | None, typer.Option(help="Column of the kind of a row (task instructions).")
]
TagsColumn = Annotated[
    str | None,
    typer.Option(
        help="Column of what a row is about (task instructions), or of lists of BIO tags "
        "(task tokens)."
    ),
]
TokensColumn = Annotated[
    str | None, typer.Option(help="Column of lists of words (task tokens, JSONL).")
]
QualityColumn = Annotated[
    str | None, typer.Option(help="Column of how good a row is (task instructions).")
]
IdColumn = Annotated[str | None, typer.Option(help="Column that names each row.")]
Delimiter = Annotated[
    str | None,
    typer.Option(help="What separates the values of a CSV file, such as ; or tab."),
]
Decimal = Annotated[
    str | None,
    typer.Option(help="What separates decimals in texts: . or , (task tabular)."),
]
Repair = Annotated[
    bool,
    typer.Option(
        "--repair",
        help="Let tags that continue nothing begin a span (task tokens); else an error.",
    ),
]
