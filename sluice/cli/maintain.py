"""`sluice maintain`: compact the lake and end its old history, now."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from sluice.cli import workspace
from sluice.cli.common import results

KIB = 2**10


def maintain(
    keep_days: Annotated[
        int,
        typer.Option(min=0, max=36_500, help="Days of history to keep; 0: the present state only."),
    ] = 30,
) -> None:
    """Keep the lake small: few files, and no older history than is asked for.

    The job lake_maintenance does the same every Sunday while the server runs. Rows, vectors and
    selections all stay; only older states of the lake can no longer be read. A file that nothing
    needs any more is removed by the first maintenance after a day.
    """
    workspace.enter()
    from resources.store import maintenance

    done = maintenance.maintain(workspace.resource("lake"), keep_days=keep_days)
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
