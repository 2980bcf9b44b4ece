"""`sluice label-queue` and `sluice labels`: rows go out to be labelled, and come back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from sluice.cli.shared import workspace
from sluice.cli.shared.common import DatasetName, Raw, results, show_progress, warn
from sluice.core.errors import ConfigError

if TYPE_CHECKING:
    from sluice.data.config import DatasetConfig


def label_queue(
    dataset: DatasetName,
    out: Annotated[Path, typer.Argument(help="File to write: .csv, .jsonl or .parquet.")],
    n: Annotated[
        int | None, typer.Option("--n", min=1, help="The first so many; all if not given.")
    ] = None,
    raw: Raw = False,
) -> None:
    """Write the next rows to label, best first, with an empty column to fill in.

    Brings rows, vectors and the queue up to date first; where nothing changed that does nothing.
    """
    from sluice.cli.writers.rows_out import check_out, write_table

    check_out(out)
    if out.exists():
        raise ConfigError(
            f"{out} exists, and may hold labels. Put them back with `sluice labels {dataset} "
            f"{out}` and remove it, or write to another file."
        )
    _config(dataset)
    with show_progress():
        _bring_up_to_date(dataset)
    from resources.store import queries

    queue = queries.read(workspace.resource("lake"), dataset)
    table = queue.slice(0, n) if n is not None else queue
    if not table.num_rows:
        results().print(f"Every row of {escape(dataset)} has a label: nothing was written.")
        return
    write_table(out, _blank(table), raw=raw)
    if n is not None and n > table.num_rows:
        warn(
            f"Only {table.num_rows:,} rows are in the queue, of {n:,} asked for: labelling.rows in "
            "dataset.yaml says how many it holds, of those without a label."
        )
    results().print(
        f"{table.num_rows:,} rows of {escape(dataset)} to label written to {escape(str(out))}. "
        f"Fill in the column label, then `sluice labels {escape(dataset)} {escape(str(out))}"
        f"{' --raw' if raw else ''}`.",
        soft_wrap=True,
    )
    from assets.lineages import lineage_of
    from assets.text.labels import when_to_stop

    task = lineage_of(_config(dataset)).task
    results().print(escape(when_to_stop(workspace.resource("lake"), task, dataset)), soft_wrap=True)


def labels(
    dataset: DatasetName,
    filled: Annotated[
        Path, typer.Argument(help="What `sluice label-queue` wrote, with labels filled in.")
    ],
    new_labels: Annotated[
        bool, typer.Option("--new-labels", help="Take labels that no row has yet as new classes.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse the file unless the whole queue has labels.")
    ] = False,
    raw: Raw = False,
) -> None:
    """Put labels back into the dataset's files: all are checked before any is written."""
    config = _config(dataset)
    from resources.locks import hold
    from resources.store import queries
    from sluice.data.labels.label_import import put_back
    from sluice.data.labels.labels_file import judge, read_answers

    lake = workspace.resource("lake")
    folder = workspace.resource("datasets").folder / dataset
    answers = read_answers(filled, raw=raw)
    # No run reads the files half old and half new, and nobody else writes them.
    with hold(lake, dataset, "sluice labels"):
        queue = queries.read(lake, dataset)["instance_id"].to_pylist()
        found = judge(answers, folder, config, queue, new_labels=new_labels, strict=strict)
        put_back(
            folder,
            config.columns.special["label"],
            found.labels,
            config.reading.delimiter,
            found.read,
        )
    for remark in found.remarks:
        warn(remark)
    same = f" {found.same:,} were there already." if found.same else ""
    files = escape(", ".join(sorted(found.labels)) or "no file")
    name = escape(dataset)
    results().print(
        f"{found.count:,} labels written into {files} of {name}.{same} Next: `sluice run {name}` "
        f"(or the sensor does it), then `sluice label-queue {name} OUT.csv`.",
        soft_wrap=True,
    )


def _config(dataset: str) -> DatasetConfig:
    from sluice.cli.run import config_of

    config = config_of(dataset)
    if not config.keeps_unlabelled:
        raise ConfigError(
            f"{dataset} has no section labelling in its dataset.yaml, so rows without a label are "
            "set aside. Add for example `labelling: {strategy: margin, rows: 50}`."
        )
    return config


def _bring_up_to_date(dataset: str) -> None:
    from assets.lineages import lineage_of
    from assets.text.labels import QUERIES
    from sluice.cli.run import failure_of, materialise

    task = lineage_of(_config(dataset)).task
    keys = task.keys(["instances", "embeddings", QUERIES])
    result, _ = materialise(dataset, keys=keys)
    if not result.success:
        raise failure_of(dataset, result)


def _blank(queue: Any) -> Any:
    """Return what a person fills in: id, text and reason, and no label yet."""
    import pyarrow as pa

    made = queue.select(["instance_id", "text", "reason"]).rename_columns(["id", "text", "reason"])
    return made.append_column("label", pa.array([""] * queue.num_rows, pa.string()))
