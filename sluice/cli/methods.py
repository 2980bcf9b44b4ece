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
    """List the methods that pick rows, choose answers or search, and what asks for labels."""
    import json

    from sluice.api.methods import query_strategies
    from sluice.core import registry
    from sluice.data.config import TASKS

    described = _described(task)
    # A chooser may be of a task that has no rows of its own.
    labelling = any(
        each.labelling for name, each in registry.each(TASKS) if task is None or name == task
    )
    asking = query_strategies() if labelling else []
    if as_json:
        found = asking if queries else [method for each in described.values() for method in each]
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for title, methods in described.items():
        if methods and not queries:
            results().print(_table(title, methods))
    if asking:
        results().print(_tree(asking))


def _described(task: str | None) -> dict[str, list[dict[str, Any]]]:
    """Describe the methods of a task, or all, by what they do."""
    from sluice.api.methods import choosers, searches
    from sluice.api.methods import methods as selectors
    from sluice.choices.registry import tasks as of_choosers
    from sluice.core import registry
    from sluice.core.errors import UnknownNameError
    from sluice.data.config import TASKS

    of_selectors = registry.names(TASKS)
    known = [*of_selectors, *of_choosers()]
    if task is not None and task not in known:
        raise UnknownNameError.of("task", task, known)
    return {
        "Methods that pick rows": selectors(task) if task in (None, *of_selectors) else [],
        "Methods that choose answers": choosers(task) if task in (None, *of_choosers()) else [],
        "Methods that search": searches() if task is None else [],
    }


def _table(title: str, described: list[dict[str, Any]]) -> Table:
    """Draw the methods of one kind."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title, title_justify="left", show_lines=True)
    table.add_column("method", style="bold", no_wrap=True)
    for heading in ("tasks", "needs", "cost"):
        table.add_column(heading)
    table.add_column("what it does", min_width=28)
    for method in described:
        tasks = ", ".join(method.get("tasks", [])) or "any"
        cells = (tasks, ", ".join(method["needs"]) or "nothing")
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
