"""`sluice search`: one method on a file that holds a problem, without a workspace."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from sluice.cli.shared.common import parse_options, results, show_progress


def search(
    file: Annotated[
        Path, typer.Argument(help="File of a problem, in a form that a package reads.")
    ],
    method: Annotated[str, typer.Option(help="A search; `sluice methods` lists them.")] = "random",
    evaluations: Annotated[
        int, typer.Option(min=1, help="States that are evaluated in all.")
    ] = 100,
    seed: Annotated[int, typer.Option(help="Seed: the same one gives the same trace.", min=0)] = 0,
    seconds: Annotated[
        float | None,
        typer.Option(help="Stop after so long, too; how far it comes depends on the machine."),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(help="File that gets each trial, and from which an earlier run goes on."),
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="An option of the method, key=value; repeatable.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write the solution and all trials as JSON.")
    ] = False,
) -> None:
    """Look for the best solution of the problem in FILE, within so many evaluations."""
    from sluice.cli.shared.summary import summary
    from sluice.searches.runner import search as run

    options = parse_options(option or [])
    with show_progress():
        found = run(
            file,
            method=method,
            evaluations=evaluations,
            seed=seed,
            seconds=seconds,
            resume=resume,
            **options,
        )
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2, ensure_ascii=False))
        return
    solution = found.solution or {}
    lines = {
        "status": found.status,
        "objective": "none" if found.objective is None else f"{found.objective:.10g}",
        "bound": "not known" if found.bound is None else f"{found.bound:.10g}",
        "evaluations": f"{len(found.trials):,}, {_failed(found.trials):,} without an objective",
        "solution": ", ".join(f"{name} {value}" for name, value in solution.items()) or "none",
    }
    results().print(summary(f"Searched by {method}", lines))


def _failed(trials: list[dict[str, object]]) -> int:
    return sum(trial["objective"] is None for trial in trials)
