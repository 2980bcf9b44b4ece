"""`sluice add`: a dataset of one file or saved folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sluice.cli.shared.common import console, results, warn
from sluice.cli.shared.finding import find_workspace


def add(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV, TSV, JSONL, Parquet or Arrow file, or a folder that Hugging Face's datasets "
            "saved; of the task tokens a CoNLL file (.conll, .bio, .iob, .tsv, .txt), or JSONL."
        ),
    ],
    label_column: Annotated[
        str | None, typer.Option(help="Column that holds the class (tasks text and tabular).")
    ] = None,
    task: Annotated[
        str, typer.Option(help="What the dataset is for: text, tabular, instructions or tokens.")
    ] = "text",
    text_column: Annotated[
        str | None, typer.Option(help="Column that holds the text (task text).")
    ] = None,
    feature_column: Annotated[
        list[str] | None,
        typer.Option(help="A column to learn from (task tabular); repeatable; all if not given."),
    ] = None,
    messages_column: Annotated[
        str | None,
        typer.Option(
            help="Column of chat messages (task instructions). The form is found by the names of "
            "the columns if none of these is given."
        ),
    ] = None,
    prompt_column: Annotated[
        str | None, typer.Option(help="Column of prompts (task instructions).")
    ] = None,
    response_column: Annotated[
        str | None, typer.Option(help="Column of responses (task instructions).")
    ] = None,
    instruction_column: Annotated[
        str | None, typer.Option(help="Column of instructions in the Alpaca form.")
    ] = None,
    input_column: Annotated[
        str | None, typer.Option(help="Column of what a prompt is about (task instructions).")
    ] = None,
    output_column: Annotated[
        str | None, typer.Option(help="Column of responses in the Alpaca form.")
    ] = None,
    system_column: Annotated[
        str | None, typer.Option(help="Column of system messages (task instructions).")
    ] = None,
    history_column: Annotated[
        str | None, typer.Option(help="Column of earlier turns (task instructions).")
    ] = None,
    family_column: Annotated[
        str | None, typer.Option(help="Column of the kind of a row (task instructions).")
    ] = None,
    tags_column: Annotated[
        str | None,
        typer.Option(
            help="Column of what a row is about (task instructions), or of lists of BIO tags "
            "(task tokens)."
        ),
    ] = None,
    tokens_column: Annotated[
        str | None, typer.Option(help="Column of lists of words (task tokens, JSONL).")
    ] = None,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Let tags that continue nothing begin a span (task tokens); else an error.",
        ),
    ] = False,
    quality_column: Annotated[
        str | None, typer.Option(help="Column of how good a row is (task instructions).")
    ] = None,
    id_column: Annotated[str | None, typer.Option(help="Column that names each row.")] = None,
    group_column: Annotated[
        str | None, typer.Option(help="Column whose equal values stay on one side of the split.")
    ] = None,
    split_column: Annotated[
        str | None, typer.Option(help="Column that says train, validation or test.")
    ] = None,
    delimiter: Annotated[
        str | None,
        typer.Option(help="What separates the values of a CSV file, such as ; or tab."),
    ] = None,
    decimal: Annotated[
        str | None,
        typer.Option(help="What separates decimals in texts: . or , (task tabular)."),
    ] = None,
    merge_case: Annotated[
        bool,
        typer.Option("--merge-case", help="Join labels that differ only in case and white space."),
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Take the file although hardly anything can be made of its rows: two of three "
            "set aside, a class a row, none to measure on.",
        ),
    ] = False,
    labelling: Annotated[
        bool,
        typer.Option(
            "--labelling",
            help="Keep rows without a label (task text), and ask for the next ones to label.",
        ),
    ] = False,
    name: Annotated[
        str | None, typer.Option(help="Name of the dataset; from the file's name if not given.")
    ] = None,
    datasets: Annotated[
        Path | None,
        typer.Option(
            envvar="SLUICE_DATASETS", help="Folder of datasets; the workspace's if not given."
        ),
    ] = None,
) -> None:
    """Make a dataset of FILE: check it whole, copy it, write its dataset.yaml."""
    root = datasets if datasets is not None else find_workspace() / "datasets"
    from sluice.data.ingest.add import add_dataset

    with console().status(f"reading {file.name}"):
        made = add_dataset(
            file,
            root,
            name=name,
            task=task,
            text_column=text_column,
            label_column=label_column,
            feature_columns=feature_column,
            id_column=id_column,
            group_column=group_column,
            split_column=split_column,
            more_columns={
                "messages": messages_column,
                "prompt": prompt_column,
                "response": response_column,
                "instruction": instruction_column,
                "input": input_column,
                "output": output_column,
                "system": system_column,
                "history": history_column,
                "family": family_column,
                "tags": tags_column,
                "quality": quality_column,
                "tokens": tokens_column,
            },
            labelling=labelling,
            repair=repair,
            reading={
                key: value
                for key, value in {
                    "delimiter": delimiter,
                    "decimal": decimal,
                    "merge_case": merge_case or None,
                }.items()
                if value is not None
            },
            force=force,
        )
    for warning in made.warnings:
        warn(warning)
    from sluice.cli.shared.summary import counts_line, summary

    classes = "families" if task == "instructions" else "types" if task == "tokens" else "classes"
    lines = {
        "dataset": made.name,
        "folder": str(made.folder),
        **({"found": made.form} if made.form else {}),
        "instances": f"{made.instances:,}",
        "splits": counts_line(made.splits),
        classes: counts_line(made.classes) or "none yet",
        "set aside": counts_line(made.rejected) or "none",
    }
    results().print(summary("Added", lines))
