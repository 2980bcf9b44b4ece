"""All methods side by side by what the models do that they train, and which to train on."""

from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg

from assets.lineage.stage import (
    Outcome,
    Run,
    Stage,
    digest_of,
    stage,
)
from assets.lineage.task import Task
from assets.stages.trainers import Kind
from resources.store import evaluations
from sluice.data.config import DatasetConfig
from sluice.evaluation.comparison import ALL_ROWS, Choice, Comparison
from sluice.subsets.contract import Selector

# Below this a bootstrap over the rows cannot be trusted (ours).
FEW_TEST_ROWS = 50


def trained_comparison(
    kind: Kind,
    selectors: list[Selector],
    compare: Callable[[list[dict[str, Any]], DatasetConfig], Outcome],
    version: str,
    description: str,
) -> Stage:
    """Return the stage `evaluations/comparison`; `compare` takes all stored models."""

    @stage(
        "evaluations/comparison",
        reads=compared_evaluations,
        may_read=[f"evaluations/{name}" for name in (*(s.name for s in selectors), ALL_ROWS)],
        version=version,
        description=description,
        settings=comparison_settings,
        on_demand=True,
    )
    def comparison(run: Run) -> Outcome:
        names = compared_evaluations(run.task, run.config)
        keys = [key for name in names for key in run.record(name).details["evaluation_ids"]]
        return compare(evaluations.read(run.lake, keys, kind.table), run.config)

    return comparison


def compared_evaluations(task: Task, config: DatasetConfig) -> list[str]:
    """Return the evaluations that a dataset compares."""
    return [f"evaluations/{name}" for name in sorted({*task.compared(config), ALL_ROWS})]


def comparison_settings(run: Run) -> dict[str, Any]:
    """Return what a comparison depends on beside what was measured."""
    return {
        "chosen_budget": run.config.chosen_budget,
        **run.config.evaluation.model_dump(include={"resamples", "confidence"}),
    }


def outcome_of(
    columns: Sequence[str],
    lines: list[list[str]],
    chosen: dict[str, Any],
    sentences: list[str],
    config: DatasetConfig,
) -> Outcome:
    """Return a comparison of trained models as a stage's outcome."""
    return Outcome(
        content=digest_of([lines, chosen, sentences]),
        total=len(lines),
        new=len(lines),
        metadata={
            "comparison": dg.MetadataValue.table(
                [dg.TableRecord(dict(zip(columns, line, strict=True))) for line in lines]
            ),
            "findings": dg.MetadataValue.md("\n".join(f"- {s}" for s in sentences)),
            "chosen": f"{chosen['selector']} at {chosen['budget']}, seed {chosen['seed']}",
        },
        details={
            "columns": list(columns),
            "rows": lines,
            "chosen": chosen,
            "sentences": sentences,
            "confidence": config.evaluation.confidence,
        },
    )


def chosen_of(
    found: list[dict[str, Any]], choice: Choice, label: str, **more: float
) -> dict[str, Any]:
    """Return the chosen one of the stored models of one budget, with what it is worth."""
    for row in found:
        if (row["method"], row["budget"], row["seed"]) == (choice.selector, label, choice.seed):
            names = ("budget", "seed", "selection_id", "size")
            return {"selector": row["method"], **{name: row[name] for name in names}, **more}
    raise KeyError(f"{choice.selector} at {label} with seed {choice.seed}")


def sentences_of(
    table: list[Comparison], labels: list[str], chosen: dict[str, Any], test_rows: int
) -> list[str]:
    """Say what was chosen, who beats random, and where too little was measured to tell."""
    compared = [
        (entry.selector, labels[int(entry.budget)], entry.beats_random)
        for entry in table
        if entry.against_random
    ]
    return findings(compared, chosen, test_rows)


def findings(
    compared: list[tuple[str, str, bool]], chosen: dict[str, Any], test_rows: int
) -> list[str]:
    """Say the same, given selector, budget and whether it beats random there."""
    names = sorted({name for name, _, _ in compared})
    winners = [name for name in names if any(n == name and beats for n, _, beats in compared)]
    losers = [name for name in names if name not in winners]
    said = [
        f"Chosen on validation: {chosen['selector']} at {chosen['budget']} ({chosen['size']} rows, "
        f"selection {chosen['selection_id']})."
    ]
    if losers:
        said.append(f"Not shown to beat random at any budget: {', '.join(losers)}.")
    for winner in winners:
        where = [label for name, label, beats in compared if name == winner and beats]
        said.append(f"{winner} beats random at {', '.join(where)}.")
    if test_rows < FEW_TEST_ROWS:
        said.append(f"Only {test_rows} test rows: too few to tell methods apart, whatever wins.")
    return said
