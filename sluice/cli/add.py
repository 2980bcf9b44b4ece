"""`sluice add`: a dataset of one file or saved folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sluice.cli.shared.columns import (
    Decimal,
    Delimiter,
    FamilyColumn,
    FeatureColumns,
    HistoryColumn,
    IdColumn,
    InputColumn,
    InstructionColumn,
    LabelColumn,
    MessagesColumn,
    OutputColumn,
    PromptColumn,
    QualityColumn,
    Repair,
    ResponseColumn,
    SystemColumn,
    TagsColumn,
    TextColumn,
    TokensColumn,
)
from sluice.cli.shared.common import console, results, warn
from sluice.cli.shared.workspace_folder import find_workspace


def add(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV, TSV, JSONL, Parquet or Arrow file, or a folder that Hugging Face's datasets "
            "saved; of the task tokens a CoNLL file (.conll, .bio, .iob, .tsv, .txt), or JSONL."
        ),
    ],
    label_column: LabelColumn = None,
    task: Annotated[
        str, typer.Option(help="What the dataset is for: text, tabular, instructions or tokens.")
    ] = "text",
    text_column: TextColumn = None,
    feature_column: FeatureColumns = None,
    messages_column: MessagesColumn = None,
    prompt_column: PromptColumn = None,
    response_column: ResponseColumn = None,
    instruction_column: InstructionColumn = None,
    input_column: InputColumn = None,
    output_column: OutputColumn = None,
    system_column: SystemColumn = None,
    history_column: HistoryColumn = None,
    family_column: FamilyColumn = None,
    tags_column: TagsColumn = None,
    tokens_column: TokensColumn = None,
    repair: Repair = False,
    quality_column: QualityColumn = None,
    id_column: IdColumn = None,
    group_column: Annotated[
        str | None, typer.Option(help="Column whose equal values stay on one side of the split.")
    ] = None,
    split_column: Annotated[
        str | None, typer.Option(help="Column that says train, validation or test.")
    ] = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
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
    from sluice.core import registry
    from sluice.data.config import TASKS
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

    labels = registry.load(TASKS, task).labels
    lines = {
        "dataset": made.name,
        "folder": str(made.folder),
        **({"found": made.form} if made.form else {}),
        "instances": f"{made.instances:,}",
        "splits": counts_line(made.splits),
        labels: counts_line(made.classes) or "none yet",
        "set aside": counts_line(made.rejected) or "none",
    }
    results().print(summary("Added", lines))
