"""`sluice maintain`: keep the lake, Dagster's record of runs and MLflow's small, now."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer
from rich.table import Table

from sluice.cli.shared import workspace
from sluice.cli.shared.common import results

KIB = 2**10


def maintain(
    keep_days: Annotated[
        int,
        typer.Option(min=0, max=36_500, help="Days of history to keep; 0: the present state only."),
    ] = 30,
    keep_run_days: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=36_500,
            help="Days of runs and models to keep, in Dagster and MLflow; --keep-days if not "
            "given.",
        ),
    ] = None,
    at_once: Annotated[
        bool,
        typer.Option(
            "--at-once",
            help="Remove files of the lake that nothing needs now, and not after a day. Only "
            "where no other program uses the lake: it may be reading one.",
        ),
    ] = False,
) -> None:
    """Keep small what Sluice writes: few files, and no older history than is asked for.

    The job lake_maintenance does the same every Sunday while the server runs. Rows, vectors and
    selections all stay; only older states of the lake can no longer be read. A file that nothing
    needs any more is removed by the first maintenance after a day, or with --at-once. Of runs the
    newest of each dataset stay, and of models those with an alias, however old.
    """
    workspace.enter()
    from resources.store.maintenance import LONGEST_TRANSACTION
    from resources.upkeep import upkeep

    with workspace.dagster_instance() as instance:
        done = upkeep(
            workspace.resource("lake"),
            workspace.resource("tracking"),
            instance,
            keep_days=keep_days,
            keep_run_days=keep_run_days,
            longest_transaction=timedelta(0) if at_once else LONGEST_TRANSACTION,
        )
    table = Table(title="Files of the present state", title_justify="left")
    table.add_column("table")
    for heading in ("files before", "after", "KiB before", "after"):
        table.add_column(heading, justify="right")
    for name, counts in done["tables"].items():
        files = (f"{counts[key]:,}" for key in ("files_before", "files_after"))
        sizes = (f"{counts[key] / KIB:,.0f}" for key in ("bytes_before", "bytes_after"))
        table.add_row(name, *files, *sizes)
    out = results()
    if table.row_count:
        out.print(table)
    out.print(
        f"Expired {done['snapshots_expired']:,} snapshots, kept {done['snapshots_kept']:,}; "
        f"removed {done['files_removed']:,} files ({done['bytes_removed'] / KIB:,.0f} KiB).",
        soft_wrap=True,
    )
    out.print(
        f"Removed {done['runs_removed']:,} runs of Dagster, {done['mlflow_runs_removed']:,} of "
        f"MLflow and {done['models_removed']:,} models without an alias.",
        soft_wrap=True,
    )
    if done["mlflow_left"]:
        out.print(done["mlflow_left"], soft_wrap=True)
