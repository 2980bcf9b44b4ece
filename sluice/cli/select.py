"""`sluice select`: one method on one file, without a workspace."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from sluice.cli.shared.common import Raw, parse_options, results, show_progress, warn

if TYPE_CHECKING:
    import pyarrow as pa

    from sluice.data.config import DatasetConfig
    from sluice.data.ingest.row_format import FileRows
    from sluice.data.ingest.validation import Screened


def select(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV, TSV, JSONL, Parquet or Arrow file; of the task tokens CoNLL or JSONL."
        ),
    ],
    method: Annotated[str, typer.Option(help="A method; `sluice methods` lists them.")],
    label_column: LabelColumn = None,
    budget: Annotated[
        str | None,
        typer.Option(
            help="Rows to keep: 500, 0.05 or 5%; without it what a method such as enn keeps."
        ),
    ] = None,
    task: Annotated[
        str, typer.Option(help="What the rows are for: text, tabular, instructions or tokens.")
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
    seed: Annotated[int, typer.Option(help="Seed of methods that use one.", min=0)] = 0,
    id_column: IdColumn = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    encoder: Annotated[
        Path | None, typer.Option(help="Folder of the encoder; the shipped one if not given.")
    ] = None,
    language_model: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the language model (task instructions); SmolLM2 if not given."
        ),
    ] = None,
    validation: Annotated[
        Path | None,
        typer.Option(
            help="File of rows that the picks are to serve (bids, quad); if not given, one row in "
            "ten of FILE is put aside for it by its hash."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where to write the kept rows: .parquet, .jsonl or .csv.")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="An option of the method, key=value; repeatable.")
    ] = None,
    raw: Raw = False,
) -> None:
    """Keep the rows of FILE that METHOD picks, with rank, gain and the reason for each."""
    # Everything that can be wrong without reading the file is checked before it is read.
    from sluice.cli.writers.rows_out import check_out, write_rows
    from sluice.core.budgets import budget_of
    from sluice.data.ingest.add import build_config
    from sluice.data.ingest.row_format import format_of
    from sluice.subsets.registry import selector

    options = _method_options(method, task, option or [])
    budget_of(method, selector(method).sized, budget, sys.maxsize)
    columns = {
        "text": text_column,
        "label": label_column,
        "features": feature_column,
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
        "tokens": tokens_column,
        "quality": quality_column,
        "id": id_column,
    }
    reading = {"delimiter": delimiter, "decimal": decimal}
    reading = {key: value for key, value in reading.items() if value is not None}
    sections: dict[str, Any] = {"reading": reading} if reading else {}
    if repair:
        sections["bio"] = {"repair": True}
    config = build_config(file, task, columns, **sections)
    _refuse_unread(
        task, {"encoder": encoder, "language_model": language_model, "validation": validation}
    )
    if out is not None:
        check_out(out, file)
    import time

    import numpy as np

    from sluice.api.selection import select as run

    began = time.monotonic()
    read, screened = _usable(file, config)
    rows = screened.kept
    held = None
    if validation is not None:
        served, usable = _usable(validation, config)
        held = served.taken(usable.kept)
    with show_progress():
        selection = run(
            read.taken(rows),
            [row.label for row in rows] if format_of(config).labels_beside else None,
            task=task,
            method=method,
            budget=budget,
            seed=seed,
            ids=[row.instance_id for row in rows],
            language_model=language_model,
            validation=held,
            settings={} if encoder is None else {"encoder": {"model": str(encoder)}},
            **options,
        )
    by_id = {row.instance_id: row for row in rows}
    kept = [by_id[str(name)] for name in selection.ids]
    if out is not None:
        at = {number: place for place, number in enumerate(read.raw["row"].to_pylist())}
        places = np.array([at[row.row] for row in kept], dtype=np.int64)
        write_rows(
            out, _plain(read.table).take(places), selection.gains, selection.reasons, raw=raw
        )
    if selection.note:
        warn(selection.note)
    _show(screened, [row.label for row in kept], method, out, time.monotonic() - began)


def _refuse_unread(task: str, given: dict[str, Path | None]) -> None:
    """Refuse options that the rows of a task do not read."""
    from sluice.api.selection import ROWS
    from sluice.core import registry
    from sluice.core.errors import ConfigError

    reads = registry.load(ROWS, task).reads
    for name, value in given.items():
        if value is not None and name not in reads:
            raise ConfigError(
                f"--{name.replace('_', '-')} is not for the task {task}; leave it out."
            )


def _method_options(method: str, task: str, pairs: list[str]) -> dict[str, Any]:
    """Read the method's options; an unknown name is an error before anything takes long."""
    from sluice.core.errors import ConfigError, UnknownNameError
    from sluice.subsets.registry import SELECTORS, selectors_for

    known = {each.name: each for each in selectors_for(task)}
    if method not in known and method in SELECTORS:
        tasks = " or ".join(f"--task {name}" for name in sorted(SELECTORS[method].tasks))
        raise ConfigError(f"{method} is no method of the task {task}: give {tasks}.")
    if method not in known:
        raise UnknownNameError.of("method", method, list(known))
    options, accepted = parse_options(pairs), list(known[method].options)
    for name in options:
        if not accepted:
            raise ConfigError(f"{method} takes no options; leave out --option {name}.")
        if name not in accepted:
            raise UnknownNameError.of(f"option of {method}", name, accepted)
    return options


def _usable(file: Path, config: DatasetConfig) -> tuple[FileRows, Screened]:
    """Read the file with all its columns and set the unusable rows aside, saying so."""
    from sluice.core.errors import DataError
    from sluice.data.ingest.row_format import format_of
    from sluice.data.ingest.validation import screen

    rows = format_of(config)
    read = rows.read(file, file.name, config, every_column=True)
    for warning in [*read.warnings, *rows.reading_warnings(read.raw), *rows.repairs(read.raw)]:
        warn(warning)
    screened = screen(read.raw, config)
    reasons = ", ".join(f"{name} {count:,}" for name, count in screened.reasons().items())
    if not screened.kept:
        raise DataError(
            f"None of the {read.raw.num_rows} rows of {file} can be used: {reasons}. "
            f"{rows.options_named}"
        )
    if screened.rejected:
        first = screened.rejected[0]
        warn(
            f"{len(screened.rejected):,} of {read.raw.num_rows:,} rows left out: {reasons}. "
            f"For example row {first.row.row}: {first.detail}"
        )
    return read, screened


def _plain(table: pa.Table) -> pa.Table:
    """Take off what a CSV file's table says of how it was read."""
    from sluice.data.values.decimals import DELIMITER

    read = DELIMITER in (table.schema.metadata or {})
    return table.replace_schema_metadata() if read else table


def _show(
    screened: Screened, kept: list[str], method: str, out: Path | None, seconds: float
) -> None:
    from collections import Counter

    from sluice.cli.shared.summary import counts_line, summary

    before = Counter(row.label for row in screened.kept)
    after = Counter(kept)
    lines: dict[str, Any] = {
        "rows": f"{len(screened.kept) + len(screened.rejected):,}",
        "usable": f"{len(screened.kept):,}",
        "kept": f"{len(kept):,} ({len(kept) / len(screened.kept):.1%} of the usable rows)",
        "kept by class": counts_line({name: after[name] for name, _ in before.most_common()}),
        "usable by class": counts_line(dict(before.most_common())),
        "seconds": f"{seconds:.1f}",
        "written to": str(out) if out is not None else "nothing; give --out to write the rows",
    }
    results().print(summary(f"Selected by {method}", lines))
