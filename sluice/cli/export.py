"""`sluice export`: write a subset that the lineage has selected."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from sluice.cli import workspace
from sluice.cli.common import results
from sluice.errors import ConfigError, UnknownNameError


def export(
    dataset: Annotated[str, typer.Argument(help="Name of a dataset.")],
    out: Annotated[Path, typer.Argument(help="File to write: .parquet, .jsonl or .csv.")],
    method: Annotated[str, typer.Option(help="Selector, for example k_center.")],
    budget: Annotated[str, typer.Option(help="A budget of its dataset.yaml: 0.05, 5% or 500.")],
    seed: Annotated[
        int | None, typer.Option(help="Seed, of a method that uses one; default the first.")
    ] = None,
) -> None:
    """Write the rows that a method keeps at a budget, with rank, gain and reason."""
    from sluice.cli.rows_out import check_out, write_table

    check_out(out)
    workspace.enter()
    from resources.store import records, selections

    lake = workspace.resource("lake")
    known = records.latest(lake, dataset)
    if not known:
        raise ConfigError(
            f"The lake knows no dataset {dataset!r}. Run it first: `sluice run {dataset}`."
        )
    stages = {name.split("/")[2]: r for name, r in known.items() if name.split("/")[1] == "subsets"}
    if method not in stages:
        raise UnknownNameError.of(f"selected method of {dataset}", method, sorted(stages))
    entries = stages[method].details["selections"]
    entry = _entry(entries, dataset, method, budget, seed)
    table = selections.rows(lake, entry["selection_id"]).drop_columns(["content_hash"])
    write_table(out, table)
    results().print(
        f"{table.num_rows:,} rows of {escape(dataset)} by {method} at {entry['budget']} "
        f"(seed {entry['seed']}, selection {entry['selection_id']}) written to {escape(str(out))}."
    )


def _entry(
    entries: list[dict[str, Any]], dataset: str, method: str, budget: str, seed: int | None
) -> dict[str, Any]:
    from assets.subsets import budget_label

    label = budget.replace(" ", "")
    if "%" not in label:
        try:
            number = float(label)
        except ValueError:
            raise ConfigError(
                f"Budget {budget!r} is not a number; write a share (0.05), a percentage (5%) or "
                "a count (500)."
            ) from None
        label = budget_label(number) if "." in label else str(int(number))
    budgets = list(dict.fromkeys(str(entry["budget"]) for entry in entries))
    if label not in budgets:
        raise ConfigError(
            f"{dataset} has no {method} subset at budget {budget}; it has {', '.join(budgets)}. "
            "Add the budget to its dataset.yaml and run it again."
        )
    found = [entry for entry in entries if entry["budget"] == label]
    seeds = [entry["seed"] for entry in found]
    if seed is not None and seed not in seeds:
        raise ConfigError(
            f"{dataset} has no {method} subset at {label} with seed {seed}; it has seeds {seeds}."
        )
    return found[0] if seed is None else found[seeds.index(seed)]
