"""`sluice export`: write a subset that the lineage has selected, now or at any time before."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from sluice.cli.shared import workspace
from sluice.cli.shared.choice_history import export_choice, is_choice, refuse_budget
from sluice.cli.shared.common import DatasetName, Raw, results
from sluice.core import registry
from sluice.core.budgets import budget_label
from sluice.core.errors import BudgetError, ConfigError, UnknownNameError

# The ids of snapshots are small numbers, those of selections 16 hexadecimal digits.
LONGEST_SNAPSHOT = 5


def export(
    dataset: DatasetName,
    out: Annotated[Path, typer.Argument(help="File to write: .parquet, .jsonl or .csv.")],
    method: Annotated[str | None, typer.Option(help="Selector, for example k_center.")] = None,
    budget: Annotated[
        str | None, typer.Option(help="A budget of its dataset.yaml: 0.05, 5% or 500.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed, of a method that uses one; default the first.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="SELECTION|SNAPSHOT",
            help="An earlier subset: the id of a selection or its first 4 or more characters "
            "(--method and --budget are then not needed), or the number of a snapshot of the "
            "lake, as an asset's metadata shows it. Digits alone are a snapshot, unless there are "
            "6 or more and a selection of this dataset starts with them.",
        ),
    ] = None,
    raw: Raw = False,
) -> None:
    """Write the rows that a method keeps at a budget, or what a chooser decided, with the reasons.

    Rows of a table have their columns back, rows of instructions their messages, tagged
    sentences their words and tags.
    """
    from sluice.cli.writers.rows_out import check_out, write_table

    check_out(out)
    workspace.enter()
    from resources.store import selections

    lake = workspace.resource("lake")
    stages = stages_of(lake, dataset)
    if is_choice(lake, dataset, method, [at]):
        refuse_budget(budget)
        export_choice(lake, dataset, out, method, seed, at, raw=raw)
        return
    if at is not None and not _is_snapshot(lake, dataset, at):
        head = selections.find(lake, dataset, at)
        check_fits(head, method, budget, seed)
    else:
        entry = _entry(lake, dataset, stages, method, budget, seed, at)
        head = selections.headers(lake, [entry["selection_id"]])[0]
    table = selections.rows(lake, head.selection_id).drop_columns(["content_hash"])
    if head.method in stages:
        task = stages[head.method].asset.split("/")[0]
        from sluice.data.config import TASKS

        table = registry.load(TASKS, task).rows.restore(table)
    write_table(out, table, raw=raw)
    purged = selections.purged(head, table.num_rows)
    results().print(
        f"{table.num_rows:,} rows of {escape(dataset)} by {head.method} at {head.budget} "
        f"(seed {head.seed}, selection {head.selection_id}) written to {escape(str(out))}."
        + (
            f" {purged:,} of its {table.num_rows + purged:,} rows have been purged."
            if purged
            else ""
        ),
        soft_wrap=True,
    )


def stages_of(lake: Any, dataset: str) -> dict[str, Any]:
    """Return the newest record of every method that has selected rows of a dataset.

    Raises
    ------
    ConfigError
        If the lake knows no such dataset.
    """
    from resources.store import records

    known = records.latest(lake, dataset)
    if not known:
        raise ConfigError(
            f"The lake knows no dataset {dataset!r}. Run it first: `sluice run {dataset}`."
        )
    return {name.split("/")[2]: r for name, r in known.items() if name.split("/")[1] == "subsets"}


def stage_of(stages: dict[str, Any], dataset: str, method: str) -> Any:
    """Return the newest record of one method.

    Raises
    ------
    ConfigError
        If nothing has selected rows of this dataset.
    UnknownNameError
        If the method has not.
    """
    if not stages:
        raise ConfigError(
            f"No rows of {dataset} have been selected yet. Run it first: `sluice run {dataset}`."
        )
    if method not in stages:
        raise UnknownNameError.of(f"selected method of {dataset}", method, sorted(stages))
    return stages[method]


def label_of(budget: str) -> str:
    """Return a budget as the lake spells it: `5%` for 0.05, 5% or 5.0 %, and `500` for a count.

    Raises
    ------
    ConfigError
        If it is not a number.
    """
    try:
        return budget_label(budget.replace(" ", ""))
    except BudgetError:
        raise ConfigError(
            f"Budget {budget!r} is not a number; write a share (0.05), a percentage (5%) or "
            "a count (500)."
        ) from None


def entry_of(
    entries: Sequence[dict[str, Any]], dataset: str, method: str, budget: str, seed: int | None
) -> dict[str, Any]:
    """Return the first of some recorded selections that has this budget and seed.

    Raises
    ------
    ConfigError
        If none has.
    """
    label = label_of(budget)
    budgets = list(dict.fromkeys(str(entry["budget"]) for entry in entries))
    if label not in budgets:
        raise ConfigError(
            f"{dataset} has no {method} subset at budget {budget}; it has {', '.join(budgets)}. "
            "Add the budget to its dataset.yaml and run it again."
        )
    found = [entry for entry in entries if entry["budget"] == label]
    seeds = list(dict.fromkeys(entry["seed"] for entry in found))
    if seed is not None and seed not in seeds:
        raise ConfigError(
            f"{dataset} has no {method} subset at {label} with seed {seed}; it has seeds {seeds}."
        )
    return next(entry for entry in found if seed is None or entry["seed"] == seed)


def check_fits(head: Any, method: str | None, budget: str | None, seed: int | None) -> None:
    """Raise where a selection is not of the method, budget or seed that are given beside it.

    Raises
    ------
    ConfigError
        If so.
    """
    given = {
        "--method": (method, head.method),
        "--budget": (None if budget is None else label_of(budget), head.budget),
        "--seed": (seed, head.seed),
    }
    for option, (asked, actual) in given.items():
        if asked is not None and asked != actual:
            raise ConfigError(
                f"Selection {head.selection_id} is by {head.method} at {head.budget}, seed "
                f"{head.seed}, which does not fit {option} {asked}. Leave out {option}, or give "
                "another selection."
            )


def _is_snapshot(lake: Any, dataset: str, at: str) -> bool:
    from resources.store import selections

    if not at.isdecimal():
        return False
    if len(at) <= LONGEST_SNAPSHOT:
        return True
    return dataset not in selections.starting_with(lake, at)["dataset"].to_pylist()


def _entry(
    lake: Any,
    dataset: str,
    stages: dict[str, Any],
    method: str | None,
    budget: str | None,
    seed: int | None,
    snapshot: str | None,
) -> dict[str, Any]:
    if method is None or budget is None:
        absent = "--method" if method is None else "--budget"
        if snapshot is not None:
            raise ConfigError(
                f"--at {snapshot} is a snapshot of the lake: give {absent} too, or the id of a "
                "selection instead."
            )
        raise ConfigError(f"{absent} is missing. Give --method and --budget, or --at SELECTION.")
    record = stage_of(stages, dataset, method)
    if snapshot is None:
        return entry_of(record.details["selections"], dataset, method, budget, seed)
    from resources.store import records

    then = records.at_snapshot(lake, dataset, record.asset, int(snapshot))
    if then is None:
        first = records.history(lake, dataset, record.asset)[0][0]
        raise ConfigError(
            f"At snapshot {snapshot} there was no {method} subset of {dataset} yet; the first is "
            f"of {first:%Y-%m-%d %H:%M:%S}."
        )
    return entry_of(then.details["selections"], dataset, method, budget, seed)
