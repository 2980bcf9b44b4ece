"""Choices of a lineage at the command line: which are meant, written, and compared over time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from sluice.cli.shared.common import results
from sluice.core.errors import ConfigError

_TIME = "%Y-%m-%d %H:%M:%S"
_WIDTH = 60
# Title and columns of each table of a comparison.
_TABLES = {
    "entered": ("item", "answer", "reason", "text"),
    "left": ("item", "answer_before", "reason_before", "text"),
    "changed": ("item", "answer_before", "answer", "reason_before", "reason", "text"),
    "stayed": ("item", "answer", "reason", "text"),
}


def choosers_of(lake: Any, dataset: str) -> dict[str, Any]:
    """Return the newest record of every chooser that has decided for a dataset."""
    from resources.store import records

    found = records.latest(lake, dataset)
    parts = {name: name.split("/") for name in found}
    return {
        path[2]: found[name]
        for name, path in parts.items()
        if path[1] == "choices" and "choices" in found[name].details
    }


def is_choice(lake: Any, dataset: str, method: str | None, ids: Sequence[str | None]) -> bool:
    """Whether a method, or an id that is given instead, is of a choice and not of a selection."""
    from resources.store import choices, selections

    if method is not None:
        return method in choosers_of(lake, dataset)
    return any(
        len(prefix) >= selections.SHORTEST_PREFIX
        and not selections.starting_with(lake, prefix).num_rows
        and choices.starting_with(lake, dataset, prefix)
        for prefix in ids
        if prefix is not None
    )


def refuse_budget(budget: str | None) -> None:
    """Raise where a budget is given: choices have none.

    Raises
    ------
    ConfigError
        If so.
    """
    if budget is not None:
        raise ConfigError("A choice has no budget: leave out --budget.")


def export_choice(
    lake: Any,
    dataset: str,
    out: Path,
    method: str | None,
    seed: int | None,
    at: str | None,
    *,
    raw: bool,
) -> None:
    """Write what a chooser decided, now or at an earlier time: item, text, answer and reason."""
    from resources.store import choices
    from sluice.cli.writers.rows_out import write_table

    head = _head(lake, dataset, method, seed, at)
    table = choices.rows(lake, head.choice_id)
    write_table(out, table, raw=raw)
    results().print(
        f"{table.num_rows:,} items of {escape(dataset)} as {head.method} decided them (seed "
        f"{head.seed}, choice {head.choice_id}) written to {escape(str(out))}.",
        soft_wrap=True,
    )


def diff_choice(
    lake: Any,
    dataset: str,
    method: str | None,
    seed: int | None,
    ends: tuple[str | None, str | None],
    *,
    history: bool,
    stayed: bool,
    limit: int,
    out: Path | None,
    raw: bool,
) -> None:
    """Show which items a chooser decides otherwise than before, and why."""
    from resources.store import choices
    from sluice.cli.writers.rows_out import write_table

    given = [None if end is None else choices.find(lake, dataset, end) for end in ends]
    known = next((head for head in given if head is not None), None)
    if known is not None:
        method, seed = known.method, known.seed
    if method is None:
        raise ConfigError("--method is missing. Give it, or a choice with --from or --to.")
    past = _past(lake, dataset, method, seed)
    if history:
        _show_history(f"{dataset}, {method}", past[-limit:] if limit else past)
        return
    later = given[1].choice_id if given[1] else past[-1][1]
    ids = [choice_id for _, choice_id in past]
    before = ids[: ids.index(later)] if later in ids else []
    earlier = given[0].choice_id if given[0] else (before[-1] if before else None)
    screen = results()
    if earlier is None:
        screen.print(
            f"{escape(dataset)}, {method}: {later} is its only choice. There is nothing "
            "to compare it with yet.",
            soft_wrap=True,
        )
        return
    changes = choices.compare(lake, earlier, later)
    rows = changes.to_pylist()
    by_kind = {kind: [row for row in rows if row["change"] == kind] for kind in _TABLES}
    counts = ", ".join(f"{len(found):,} {kind}" for kind, found in by_kind.items())
    screen.print(f"{escape(dataset)}, {method}: {counts}.", soft_wrap=True)
    screen.print(f"From choice {earlier} to choice {later}.", soft_wrap=True)
    for kind, found in by_kind.items():
        if found and (stayed or kind != "stayed"):
            screen.print(_table(kind, found, limit))
    if out is not None:
        kept = changes if stayed else changes.filter(_differs(changes))
        write_table(out, kept, raw=raw)
        screen.print(f"{kept.num_rows:,} items written to {escape(str(out))}.", soft_wrap=True)


def _head(lake: Any, dataset: str, method: str | None, seed: int | None, at: str | None) -> Any:
    """Return the choice that is meant by a method, or by an id or a snapshot beside it."""
    from resources.store import choices, records

    if at is not None and not (method is not None and at.isdecimal() and len(at) <= 5):
        return choices.find(lake, dataset, at)
    assert method is not None
    record = choosers_of(lake, dataset)[method]
    if at is not None:
        record = records.at_snapshot(lake, dataset, record.asset, int(at))
        if record is None:
            raise ConfigError(f"At snapshot {at} {method} had not decided for {dataset} yet.")
    return choices.find(lake, dataset, _entry(record, dataset, method, seed)["choice_id"])


def _entry(record: Any, dataset: str, method: str, seed: int | None) -> dict[str, Any]:
    entries: list[dict[str, Any]] = record.details["choices"]
    found = [entry for entry in entries if seed is None or entry["seed"] == seed]
    if not found:
        seeds = [entry["seed"] for entry in entries]
        raise ConfigError(
            f"{dataset} has no choice by {method} with seed {seed}; it has seeds {seeds}."
        )
    return found[0]


def _past(lake: Any, dataset: str, method: str, seed: int | None) -> list[tuple[Any, str]]:
    """Return since when which choice was current, oldest first."""
    from resources.store import records

    newest = choosers_of(lake, dataset)[method]
    number = _entry(newest, dataset, method, seed)["seed"]
    found: list[tuple[Any, str]] = []
    for since, record in records.history(lake, dataset, newest.asset):
        for entry in record.details["choices"]:
            same = found and found[-1][1] == entry["choice_id"]
            if entry["seed"] == number and not same:
                found.append((since, entry["choice_id"]))
    return found


def _differs(changes: Any) -> Any:
    import pyarrow.compute as compute

    pc: Any = compute
    return pc.not_equal(changes["change"], "stayed")


def _table(kind: str, rows: list[dict[str, Any]], limit: int) -> Table:
    shown = rows[:limit] if limit else rows
    few = f" (the first {len(shown):,} of {len(rows):,})" if len(shown) < len(rows) else ""
    table = Table(title=f"{kind.capitalize()}{few}", title_justify="left")
    for column in _TABLES[kind]:
        table.add_column(column.replace("_before", " was"))
    for row in shown:
        table.add_row(*(_cell(row[column]) for column in _TABLES[kind]))
    return table


def _cell(value: Any) -> str:
    text = "" if value is None else " ".join(str(value).split())
    return escape(text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…")


def _show_history(title: str, past: list[tuple[Any, str]]) -> None:
    table = Table(title=escape(title), title_justify="left")
    for heading in ("choice", "current since"):
        table.add_column(heading)
    for since, choice_id in past:
        table.add_row(choice_id, f"{since:{_TIME}}")
    results().print(table)
