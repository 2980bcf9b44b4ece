"""`sluice select`: one method on one file, without a workspace."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sluice.cli.shared.common import Raw, parse_options, results, show_progress, warn
from sluice.core.progress import track

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from sluice.data.config import DatasetConfig
    from sluice.data.ingest.validation import Screened


def select(
    file: Annotated[Path, typer.Argument(help="CSV, TSV, JSONL or Parquet file.")],
    label_column: Annotated[str, typer.Option(help="Column that holds the class.")],
    method: Annotated[str, typer.Option(help="A method; `sluice methods` lists them.")],
    budget: Annotated[
        str | None,
        typer.Option(
            help="Rows to keep: 500, 0.05 or 5%; without it what a method such as enn keeps."
        ),
    ] = None,
    task: Annotated[str, typer.Option(help="What the rows are for: text or tabular.")] = "text",
    text_column: Annotated[
        str | None, typer.Option(help="Column that holds the text (task text).")
    ] = None,
    feature_column: Annotated[
        list[str] | None,
        typer.Option(help="A column to learn from (task tabular); repeatable; all if not given."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of methods that use one.", min=0)] = 0,
    id_column: Annotated[str | None, typer.Option(help="Column that names each row.")] = None,
    delimiter: Annotated[
        str | None,
        typer.Option(help="What separates the values of a CSV file, such as ; or tab."),
    ] = None,
    decimal: Annotated[
        str | None,
        typer.Option(help="What separates decimals in texts: . or , (task tabular)."),
    ] = None,
    encoder: Annotated[
        Path | None, typer.Option(help="Folder of the encoder; the shipped one if not given.")
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
    from sluice.core.errors import ConfigError
    from sluice.data.ingest.add import build_config
    from sluice.subsets.registry import selector

    if task == "tokens":
        raise ConfigError(
            "sluice select reads the tasks text and tabular; make a dataset of tagged sentences "
            "with `sluice add` and `sluice run` it."
        )
    options = _method_options(method, task, option or [])
    budget_of(method, selector(method).sized, budget, sys.maxsize)
    columns = {
        "text": text_column,
        "label": label_column,
        "features": feature_column,
        "id": id_column,
    }
    reading = {"delimiter": delimiter, "decimal": decimal}
    reading = {key: value for key, value in reading.items() if value is not None}
    config = build_config(file, task, columns, **({"reading": reading} if reading else {}))
    if task == "tabular" and encoder is not None:
        raise ConfigError("--encoder is for the task text; leave it out.")
    if out is not None:
        check_out(out, file)
    import time

    import numpy as np

    from sluice.api.selection import select as run

    began = time.monotonic()
    table, read, screened = _usable(file, config)
    rows = screened.kept
    with show_progress():
        selection = run(
            _contents(read, screened, config),
            [row.label for row in rows],
            task=task,
            method=method,
            budget=budget,
            seed=seed,
            ids=[row.instance_id for row in rows],
            encoder=_Encoder(encoder) if task == "text" else None,
            **options,
        )
    by_id = {row.instance_id: row for row in rows}
    kept = [by_id[str(name)] for name in selection.ids]
    if out is not None:
        places = np.array([row.row - 1 for row in kept], dtype=np.int64)
        write_rows(out, table.take(places), selection.gains, selection.reasons, raw=raw)
    if selection.note:
        warn(selection.note)
    _show(screened, [row.label for row in kept], method, out, time.monotonic() - began)


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


class _Encoder:
    """Shows the progress of embedding; loads the model only if a method needs vectors."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        """Return one vector for each text."""
        from sluice.encoders.text import TextEncoder

        encoder = TextEncoder(None if self._folder is None else str(self._folder))
        with track("embedding", len(texts)) as advance:
            return encoder.encode(texts, advance)


def _usable(file: Path, config: DatasetConfig) -> tuple[pa.Table, pa.Table, Screened]:
    """Read the file with all its columns and set the unusable rows aside, saying so.

    The second table has the numbers of the first with a decimal point.
    """
    from sluice.core.errors import DataError
    from sluice.data.ingest.raw import raw_rows, read_file
    from sluice.data.ingest.validation import screen
    from sluice.data.readers.reading_warnings import warnings_of
    from sluice.data.readers.saved_index import index_warning, saved_index
    from sluice.data.values.decimals import DELIMITER, comma_warnings, with_points
    from sluice.data.values.targets import refuse_quantities

    needed = list(config.columns.special.values())
    table = read_file(file, delimiter=config.reading.delimiter, needed=needed)
    read, warnings = table, warnings_of(table)
    if config.task == "tabular":
        numbers = [*_features(table, config), needed[0]]
        read = with_points(table, numbers, config.reading.decimal, str(file))
        index = saved_index(table, config.columns)
        warnings += [index_warning(index, str(file))] if index else []
        warnings += comma_warnings(read, numbers, config.reading.decimal, str(file))
    for warning in warnings:
        warn(warning)
    screened = screen(raw_rows(read, config, str(file), file.name), config)
    reasons = ", ".join(f"{name} {count:,}" for name, count in screened.reasons().items())
    if not screened.kept:
        check = "--text-column and" if config.task == "text" else "--feature-column and"
        raise DataError(
            f"None of the {table.num_rows} rows of {file} can be used: {reasons}. Check "
            f"{check} --label-column."
        )
    if config.task == "tabular":
        shown = f"{file}: the column {config.columns.label!r}"
        refuse_quantities((row.label for row in screened.kept), shown)
    if screened.rejected:
        first = screened.rejected[0]
        warn(
            f"{len(screened.rejected):,} of {table.num_rows:,} rows left out: {reasons}. "
            f"For example row {first.row.row}: {first.detail}"
        )
    if DELIMITER in (table.schema.metadata or {}):
        table = table.replace_schema_metadata()
    return table, read, screened


def _contents(table: pa.Table, screened: Screened, config: DatasetConfig) -> list[str] | pa.Table:
    """Return the usable rows as texts, or as a table of the columns to learn from."""
    if config.task == "text":
        return [row.text for row in screened.kept]
    return table.select(_features(table, config)).take([row.row - 1 for row in screened.kept])


def _features(table: pa.Table, config: DatasetConfig) -> list[str]:
    from sluice.data.payloads.table_rows import feature_columns
    from sluice.data.readers.saved_index import saved_index

    index = saved_index(table, config.columns)
    return feature_columns(config.columns, table.column_names, "The file", index)


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
