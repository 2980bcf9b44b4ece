"""`sluice diff`: what entered a subset, what left it, and why."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sluice.cli.export import check_fits, entry_of, stage_of, stages_of
from sluice.cli.shared import workspace
from sluice.cli.shared.choice_history import diff_choice, is_choice, refuse_budget
from sluice.cli.shared.common import DatasetName, Raw, results, warn
from sluice.core.errors import ConfigError

TEXT_WIDTH = 80

_TIME = "%Y-%m-%d %H:%M:%S"
_OUT_COLUMNS = [
    *("change", "instance_id", "text", "label", "rank", "gain", "reason", "why_gone"),
    *("text_before", "label_before", "rank_before", "gain_before", "reason_before"),
]
# Title and columns of each table: heading and column of the comparison.
_TABLES: dict[str, dict[str, str]] = {
    "entered": {"rank": "rank", "id": "instance_id", "reason": "reason", "text": "text"},
    "left": {
        "rank was": "rank_before",
        "id": "instance_id",
        "had been kept for": "reason_before",
        "why it is gone": "why_gone",
        "text": "text_before",
    },
    "edited": {
        "rank": "rank",
        "id": "instance_id",
        "reason": "reason",
        "label was": "label_before",
        "text was": "text_before",
        "label": "label",
        "text": "text",
    },
    "stayed": {"rank": "rank", "id": "instance_id", "reason": "reason", "text": "text"},
}


@dataclass(frozen=True)
class _Chain:
    """One subset through time: its method, budget and seed, and what was current when."""

    dataset: str
    method: str
    budget: str
    seed: int
    reigns: list[Any]
    task: str = ""

    def __str__(self) -> str:
        return f"{self.dataset}, {self.method} at {self.budget} (seed {self.seed})"


def diff(
    dataset: DatasetName,
    method: Annotated[str | None, typer.Option(help="Selector, for example k_center.")] = None,
    budget: Annotated[str | None, typer.Option(help="A budget: 0.05, 5% or 500.")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed, of a method that uses one; default the first.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="SELECTION",
            help="The earlier selection: its id or the first 4 or more characters; default the "
            "one before the later. With --from or --to, --method and --budget are not needed.",
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="SELECTION", help="The later selection; default the newest."),
    ] = None,
    history: Annotated[
        bool, typer.Option("--history", help="List the selections over time instead.")
    ] = False,
    stayed: Annotated[bool, typer.Option("--stayed", help="Also the rows that stayed.")] = False,
    limit: Annotated[int, typer.Option(min=0, help="Rows shown of each kind; 0 for all.")] = 20,
    out: Annotated[
        Path | None,
        typer.Option(help="File for all the rows, with a column `change`: .parquet, .jsonl, .csv."),
    ] = None,
    raw: Raw = False,
) -> None:
    """Show which rows entered or left a subset, or which items are decided otherwise, and why."""
    from sluice.cli.writers.rows_out import check_out

    if out is not None:
        check_out(out)
    if history and (since is not None or to is not None or out is not None):
        raise ConfigError("--history goes without --from, --to and --out. Leave them out.")
    workspace.enter()
    from resources.store import selections

    lake = workspace.resource("lake")
    stages = stages_of(lake, dataset)
    if is_choice(lake, dataset, method, [since, to]):
        refuse_budget(budget)
        diff_choice(
            *(lake, dataset, method, seed, (since, to)),
            history=history,
            stayed=stayed,
            limit=limit,
            out=out,
            raw=raw,
        )
        return
    ends = [None if end is None else selections.find(lake, dataset, end) for end in (since, to)]
    chain = _chain(lake, dataset, stages, method, budget, seed, ends)
    if history:
        _show_history(lake, chain, limit)
        return
    after = ends[1] or selections.headers(lake, [chain.reigns[-1].selection_id])[0]
    before = ends[0] or _one_before(lake, chain, after)
    if before is None:
        results().print(
            f"{escape(str(chain))}: {after.selection_id} is its only selection, since "
            f"{chain.reigns[0].since:{_TIME}}. There is nothing to compare it with yet.",
            soft_wrap=True,
        )
        return
    _show(lake, chain, before, after, stayed, limit, out, raw)


def _chain(
    lake: Any,
    dataset: str,
    stages: dict[str, Any],
    method: str | None,
    budget: str | None,
    seed: int | None,
    ends: list[Any],
) -> _Chain:
    """Find out whose selections are meant, from the options or from the selections given."""
    from resources.store import history, records

    given = [end for end in ends if end is not None]
    for end in given:
        check_fits(end, method, budget, seed)
    if len({(end.method, end.budget, end.seed) for end in given}) > 1:
        named = " and ".join(
            f"{end.selection_id} ({end.method} at {end.budget}, seed {end.seed})" for end in given
        )
        raise ConfigError(f"{named} cannot be compared: give two of one method, budget and seed.")
    if given:
        method, budget, seed = given[0].method, given[0].budget, given[0].seed
    if method is None or budget is None:
        raise ConfigError(
            f"{'--method' if method is None else '--budget'} is missing. Give --method and "
            "--budget, or a selection with --from or --to."
        )
    newest = stage_of(stages, dataset, method)
    past = records.history(lake, dataset, newest.asset)
    entries = [entry for _, record in reversed(past) for entry in record.details["selections"]]
    entry = entry_of(entries, dataset, method, budget, seed)
    label, number = entry["budget"], entry["seed"]
    reigns = history.reigns(past, label, number)
    if (label, number) not in {(e["budget"], e["seed"]) for e in newest.details["selections"]}:
        warn(f"{dataset} no longer selects at {label} with seed {number}; this is its past.")
    return _Chain(dataset, method, label, number, reigns, newest.asset.split("/")[0])


def _one_before(lake: Any, chain: _Chain, after: Any) -> Any | None:
    """Return the selection that was current before `after` last became so."""
    from resources.store import selections

    ids = [reign.selection_id for reign in chain.reigns]
    if after.selection_id not in ids:
        raise ConfigError(
            f"Selection {after.selection_id} was stored by a run that did not finish, so there is "
            "none before it. Give the one to compare with by --from."
        )
    last = len(ids) - 1 - ids[::-1].index(after.selection_id)
    return selections.headers(lake, [ids[last - 1]])[0] if last else None


def _show(
    lake: Any,
    chain: _Chain,
    before: Any,
    after: Any,
    stayed: bool,
    limit: int,
    out: Path | None,
    raw: bool,
) -> None:
    from resources.store import history

    changes = history.compare(lake, before.selection_id, after.selection_id, texts=True)
    counts = history.count_of(changes)
    screen = results()
    screen.print(
        f"{escape(str(chain))}: "
        + ", ".join(f"{number:,} {change}" for change, number in counts.items())
        + ".",
        soft_wrap=True,
    )
    since = {reign.selection_id: f"{reign.since:{_TIME}}" for reign in chain.reigns}
    for word, head in (("From", before), ("To", after)):
        screen.print(
            f"{word} selection {head.selection_id}, current since "
            f"{since.get(head.selection_id, 'never (its run did not finish)')}.",
            soft_wrap=True,
        )
    if before.rows_digest == after.rows_digest:
        screen.print("Both have the same rows.")
    _show_purged(screen, before, counts["left"] + counts["edited"] + counts["stayed"])
    _show_purged(screen, after, counts["entered"] + counts["edited"] + counts["stayed"])
    kinds = [kind for kind in _TABLES if stayed or kind != "stayed"]
    for kind in kinds:
        if counts[kind]:
            _show_rows(screen, kind, history.only(changes, [kind]), limit, chain.task)
    if out is not None:
        _write(screen, out, history.only(changes, kinds), raw)


def _show_purged(screen: Console, head: Any, found: int) -> None:
    from resources.store import selections

    purged = selections.purged(head, found)
    if purged:
        screen.print(
            f"{purged:,} of the {found + purged:,} rows of {head.selection_id} have been purged "
            "and are not compared.",
            soft_wrap=True,
        )


def _show_rows(screen: Console, kind: str, rows: Any, limit: int, task: str) -> None:
    shown = rows.slice(0, limit) if limit else rows
    few = shown.num_rows < rows.num_rows
    of = f" (the first {shown.num_rows:,} of {rows.num_rows:,})" if few else ""
    table = Table(title=f"{kind.capitalize()}{of}", title_justify="left")
    for heading in _TABLES[kind]:
        table.add_column(heading, justify="right" if heading.startswith("rank") else "left")
    for row in shown.to_pylist():
        cells = (_shown(row[column], column, task) for column in _TABLES[kind].values())
        table.add_row(*map(_cell, cells))
    screen.print(table)


def _shown(value: Any, column: str, task: str) -> Any:
    """Return a value for people: a conversation half by its prompt and half by its response."""
    if not column.startswith("text") or value is None:
        return value
    from sluice.core import registry
    from sluice.data.config import TASKS

    return registry.load(TASKS, task).rows.display(value, TEXT_WIDTH // 2 - 2)


def _cell(value: Any) -> str:
    text = "" if value is None else " ".join(str(value).split())
    return escape(text if len(text) <= TEXT_WIDTH else text[: TEXT_WIDTH - 1] + "…")


def _write(screen: Console, out: Path, rows: Any, raw: bool) -> None:
    from sluice.cli.writers.rows_out import write_table

    write_table(out, rows.select(_OUT_COLUMNS), raw=raw)
    screen.print(f"{rows.num_rows:,} rows written to {escape(str(out))}.", soft_wrap=True)


def _show_history(lake: Any, chain: _Chain, limit: int) -> None:
    """Print when which selection was current, newest last."""
    from resources.store import history

    ids = [reign.selection_id for reign in chain.reigns]
    counts = history.count(lake, list(pairwise(ids)))
    lines = list(zip(chain.reigns, [None, *counts], strict=True))
    shown = lines[-limit:] if limit else lines
    of = f" (the last {len(shown):,} of {len(lines):,})" if len(shown) < len(lines) else ""
    table = Table(title=escape(f"{chain}{of}"), title_justify="left")
    table.add_column("selection")
    table.add_column("current since")
    columns = ("entered", "left", "edited")
    for heading in ("rows", *columns):
        table.add_column(heading, justify="right")
    for reign, seen in shown:
        changed = ["" if seen is None else f"{seen[kind]:,}" for kind in columns]
        table.add_row(reign.selection_id, f"{reign.since:{_TIME}}", f"{reign.size:,}", *changed)
    results().print(table)
