"""`sluice methods`: what there is, for which task, at what cost."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sluice.cli.common import results


def methods(
    task: Annotated[str | None, typer.Option(help="Only the methods of this task.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write everything known of them as JSON.")
    ] = False,
) -> None:
    """List the methods that pick rows, with what they need and cost."""
    import json

    from rich.markup import escape
    from rich.table import Table

    from sluice.api import methods as describe

    described: list[dict[str, Any]] = [dict(method) for method in describe(task)]
    if as_json:
        typer.echo(json.dumps(described, indent=2, ensure_ascii=False))
        return
    table = Table(title="Methods", title_justify="left", show_lines=True)
    table.add_column("method", style="bold", no_wrap=True)
    for heading in ("tasks", "needs", "cost"):
        table.add_column(heading)
    table.add_column("what it keeps", min_width=28)
    for method in described:
        cells = (", ".join(method["tasks"]), ", ".join(method["needs"]) or "nothing")
        row = (method["name"], *cells, method["cost"], method["summary"])
        table.add_row(*(escape(str(cell)) for cell in row))
    results().print(table)
