"""`sluice select`: one method on one file, without a workspace."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sluice.cli.common import parse_options, results, show_progress, warn
from sluice.progress import track

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from sluice.data.screening import Screened


def select(
    file: Annotated[Path, typer.Argument(help="CSV, TSV, JSONL or Parquet file.")],
    text_column: Annotated[str, typer.Option(help="Column that holds the text.")],
    label_column: Annotated[str, typer.Option(help="Column that holds the class.")],
    method: Annotated[str, typer.Option(help="A method; `sluice methods` lists them.")],
    budget: Annotated[str, typer.Option(help="Rows to keep: 500, 0.05 or 5%.")],
    task: Annotated[str, typer.Option(help="What the rows are for.")] = "text",
    seed: Annotated[int, typer.Option(help="Seed of methods that use one.", min=0)] = 0,
    id_column: Annotated[str | None, typer.Option(help="Column that names each row.")] = None,
    encoder: Annotated[
        Path | None, typer.Option(help="Folder of the encoder; the shipped one if not given.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where to write the kept rows: .parquet, .jsonl or .csv.")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="An option of the method, key=value; repeatable.")
    ] = None,
) -> None:
    """Keep the rows of FILE that METHOD picks, with rank, gain and the reason for each."""
    # Everything that can be wrong without reading the file is checked before it is read.
    from sluice.cli.rows_out import check_out, write_rows
    from sluice.subsets.budgets import parse_budget

    parse_budget(budget, sys.maxsize)
    options = _method_options(method, task, option or [])
    if out is not None:
        check_out(out, file)
    import time

    import numpy as np

    from sluice.api import select as run

    began = time.monotonic()
    table, screened = _usable(file, task, text_column, label_column, id_column)
    rows = screened.kept
    with show_progress():
        selection = run(
            [row.text for row in rows],
            [row.label for row in rows],
            task=task,
            method=method,
            budget=budget,
            seed=seed,
            ids=[row.instance_id for row in rows],
            encoder=_Encoder(encoder),
            **options,
        )
    by_id = {row.instance_id: row for row in rows}
    kept = [by_id[str(name)] for name in selection.ids]
    if out is not None:
        places = np.array([row.row - 1 for row in kept], dtype=np.int64)
        write_rows(out, table.take(places), selection.gains, selection.reasons)
    if selection.note:
        warn(selection.note)
    _show(screened, [row.label for row in kept], method, out, time.monotonic() - began)


def _method_options(method: str, task: str, pairs: list[str]) -> dict[str, Any]:
    """Read the method's options; an unknown name is an error before anything takes long."""
    from sluice.errors import ConfigError, UnknownNameError
    from sluice.subsets.registry import selectors_for

    known = {each.name: each for each in selectors_for(task)}
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


def _usable(
    file: Path, task: str, text_column: str, label_column: str, id_column: str | None
) -> tuple[pa.Table, Screened]:
    """Read the file with all its columns and set the unusable rows aside, saying so."""
    from sluice.data.add import build_config
    from sluice.data.raw import raw_rows, read_file
    from sluice.data.screening import screen
    from sluice.errors import DataError

    columns = {"text": text_column, "label": label_column, "id": id_column}
    config = build_config(file, task, columns)
    named = {key: value for key, value in columns.items() if value is not None}
    table = read_file(file)
    screened = screen(raw_rows(table, named, str(file), file.name), config)
    reasons = ", ".join(f"{name} {count:,}" for name, count in screened.reasons().items())
    if not screened.kept:
        raise DataError(
            f"None of the {table.num_rows} rows of {file} can be used: {reasons}. Check "
            "--text-column and --label-column."
        )
    if screened.rejected:
        first = screened.rejected[0]
        warn(
            f"{len(screened.rejected):,} of {table.num_rows:,} rows left out: {reasons}. "
            f"For example row {first.row.row}: {first.detail}"
        )
    return table, screened


def _show(
    screened: Screened, kept: list[str], method: str, out: Path | None, seconds: float
) -> None:
    from collections import Counter

    from sluice.cli.summary import counts_line, summary

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
