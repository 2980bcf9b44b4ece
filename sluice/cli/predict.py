"""`sluice predict`: what a dataset's champion says of other rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from sluice.cli.run import config_of
from sluice.cli.shared import workspace
from sluice.cli.shared.common import DatasetName, Raw, results
from sluice.core.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

SHOWN_ROWS = 10


def predict(
    dataset: DatasetName,
    file: Annotated[
        Path, typer.Argument(help="Rows in a form of the dataset's files; labels are not read.")
    ],
    alias: Annotated[
        str, typer.Option(help="Which registered model: champion or challenger.")
    ] = "champion",
    out: Annotated[
        Path | None,
        typer.Option(help="Where to write the predictions: .parquet, .jsonl or .csv."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write all of them as JSON.")] = False,
    raw: Raw = False,
) -> None:
    """Say what the champion of DATASET answers to each row of FILE, with probabilities."""
    import json

    workspace.enter()
    from sluice.cli.writers.rows_out import check_out, write_table

    if out is not None:
        check_out(out, file)
    version, table = _predicted(dataset, file, alias)
    if out is not None:
        write_table(out, table, raw=raw)
    if as_json:
        typer.echo(json.dumps(table.to_pylist(), indent=2, ensure_ascii=False))
        return
    _show(f"Version {version} of {dataset}", table, out)


def _predicted(dataset: str, file: Path, alias: str) -> tuple[str, pa.Table]:
    """Return the number of the model that answers, and a row of answers for each of the file."""
    import pyarrow as pa

    from assets.lineages import lineage_of
    from resources import registry as models
    from sluice.core import registry
    from sluice.data.ingest.read_file import read_file
    from sluice.data.ingest.row_format import format_of
    from sluice.evaluation.learner import LEARNERS, Given
    from sluice.tasks.serving import unlabelled

    config, task = config_of(dataset), lineage_of(config_of(dataset)).task
    learner = registry.load(LEARNERS, config.task)
    if not learner.served:
        raise ConfigError(
            f"Models of the task {config.task} answer within its lineage alone; how to load "
            f"{task.model_name(dataset)} from MLflow stands in docs/status.md."
        )
    found = models.find(workspace.resource("tracking"), task.model_name(dataset), alias)
    if found is None:
        raise ConfigError(
            f"No model of {dataset} has the alias {alias}. Run `sluice run {dataset}` with "
            "training: {enabled: true} first, or give --alias champion or challenger."
        )
    table = read_file(file, delimiter=config.reading.delimiter)
    texts = format_of(config).contents(table, config, str(file))
    device = workspace.resource("compute").resolve()
    model = learner(Given(config, device=lambda: device)).load(found.folder)
    try:
        answers: dict[str, Any] = model.predictions(unlabelled(texts))
    finally:
        model.close()
    name = config.columns.id
    first = {name: table.column(name)} if name in table.column_names else {}
    return found.version, pa.table({**first, **answers})


def _show(title: str, table: pa.Table, out: Path | None) -> None:
    from collections import Counter

    from rich.table import Table

    shown = Table(title=title, title_justify="left")
    for name in table.column_names:
        shown.add_column(escape(name))
    for row in table.slice(0, SHOWN_ROWS).to_pylist():
        shown.add_row(
            *(f"{v:.3f}" if isinstance(v, float) else escape(str(v)) for v in row.values())
        )
    results().print(shown)
    counts = Counter(table["prediction"].to_pylist())
    said = ", ".join(f"{escape(str(name))} {count:,}" for name, count in counts.most_common())
    where = f"written to {out}" if out else "give --out to write them all"
    results().print(f"{table.num_rows:,} rows: {said}; {where}", soft_wrap=True)
