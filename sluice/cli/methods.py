"""`sluice methods`: what there is, for which task, at what cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sluice.cli.shared.common import results

if TYPE_CHECKING:
    from rich.table import Table
    from rich.tree import Tree


def methods(
    task: Annotated[str | None, typer.Option(help="Only the methods of this task.")] = None,
    queries: Annotated[
        bool, typer.Option("--queries", help="Only the strategies that ask for labels.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write everything known of them as JSON.")
    ] = False,
) -> None:
    """List the methods that pick rows, and the strategies that ask for labels."""
    import json

    from sluice.api.methods import methods as describe
    from sluice.api.methods import query_strategies
    from sluice.core import registry
    from sluice.data.config import TASKS

    described: list[dict[str, Any]] = [dict(method) for method in describe(task)]
    labelling = task is None or registry.load(TASKS, task).labelling
    asking = query_strategies() if labelling else []
    if as_json:
        found = asking if queries else described
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    if not queries:
        results().print(_table(described))
    if asking:
        results().print(_tree(asking))


def _table(described: list[dict[str, Any]]) -> Table:
    """Draw the methods that pick rows."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title="Methods", title_justify="left", show_lines=True)
    table.add_column("method", style="bold", no_wrap=True)
    for heading in ("tasks", "needs", "cost"):
        table.add_column(heading)
    table.add_column("what it keeps", min_width=28)
    for method in described:
        cells = (", ".join(method["tasks"]), ", ".join(method["needs"]) or "nothing")
        row = (method["name"], *cells, method["cost"], method["summary"])
        table.add_row(*(escape(str(cell)) for cell in row))
    return table


def _tree(strategies: list[dict[str, Any]]) -> Tree:
    """Draw the strategies that ask for labels as the survey's tree."""
    from rich.markup import escape
    from rich.tree import Tree

    tree = Tree("[bold]Query strategies[/bold]: which rows to label next (arXiv 2008.07267)")
    branches: dict[tuple[str, ...], Tree] = {(): tree}
    for strategy in strategies:
        path = tuple(strategy["family"])
        for depth in range(1, len(path) + 1):
            if path[:depth] not in branches:
                branches[path[:depth]] = branches[path[: depth - 1]].add(escape(path[depth - 1]))
        summary = escape(str(strategy["summary"]))
        branches[path].add(f"[bold]{escape(str(strategy['name']))}[/bold]  {summary}")
    return tree
