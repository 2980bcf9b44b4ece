"""`sluice purge`: really delete a dataset's rows, everywhere in the lake."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from sluice.cli import workspace
from sluice.cli.common import results
from sluice.errors import ConfigError, UnknownNameError


def purge(
    dataset: Annotated[str, typer.Argument(help="Name of a dataset whose folder is gone.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete every row of a dataset from the lake, in all its snapshots. There is no way back."""
    workspace.enter()
    from resources.locks import dataset_lock
    from resources.store import purging

    lake, datasets = workspace.resource("lake"), workspace.resource("datasets")
    if dataset in datasets.folders():
        raise ConfigError(
            f"The folder {datasets.folder / dataset} is still there, and the next refresh would "
            "bring its rows back. Delete the folder first, then purge."
        )
    known = purging.known_datasets(lake)
    if dataset not in known:
        raise UnknownNameError.of("dataset in the lake", dataset, known)
    if not yes:
        typer.confirm(
            f"Delete every row of {dataset}, its selections, evaluations and history? "
            "Time travel to older snapshots ends for all datasets.",
            abort=True,
        )
    with dataset_lock(lake.folder / "locks", dataset, "sluice purge"):
        counts = purging.purge(lake, dataset)
    from assets.report import report_path

    report_path(dataset).unlink(missing_ok=True)
    out = results()
    out.print(f"Purged {escape(dataset)}: " + ", ".join(f"{n:,} {t}" for t, n in counts.items()))
    out.print(
        "Its models and runs stay in MLflow (they hold ids and labels of kept rows, no texts); "
        f"delete the experiment and the model sluice.text.{escape(dataset)} there."
    )
