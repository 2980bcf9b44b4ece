"""All methods side by side by what the models do that they train, and which to train on."""

from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg

from assets.lineage.stage import Outcome, digest_of, inputs_of, name_of, run_stage
from assets.lineage.task import Task
from assets.stages.trainers import Kind
from resources.datasets import Datasets
from resources.lake import Lake
from resources.locks import DatasetLock
from resources.store import evaluations, records
from sluice.data.config import DatasetConfig
from sluice.evaluation.comparison import ALL_ROWS, Choice, Comparison
from sluice.subsets.contract import Selector

# Below this a bootstrap over the rows cannot be trusted (ours).
FEW_TEST_ROWS = 50


def trained_comparison_asset(
    task: Task,
    kind: Kind,
    selectors: list[Selector],
    compare: Callable[[list[dict[str, Any]], DatasetConfig], Outcome],
    version: str,
    description: str,
) -> dg.AssetsDefinition:
    """Build the asset `[task, evaluations, comparison]`; `compare` takes all stored models."""
    names = [selector.name for selector in selectors]
    everything = [task.key("evaluations", name) for name in (*names, ALL_ROWS)]

    @task.asset(
        "evaluations",
        "comparison",
        deps=everything,
        kinds={"duckdb", "numpy"},
        version=version,
        description=description,
    )
    def comparison(
        context: dg.AssetExecutionContext, lake: Lake, datasets: Datasets, lock: DatasetLock
    ) -> dg.MaterializeResult:
        dataset = context.partition_key
        config = datasets.config(dataset)
        wanted = {*task.compared(config), ALL_ROWS}
        inputs = [key for key in everything if key.path[-1] in wanted]

        def run(previous: records.Record | None) -> Outcome:
            consumed = inputs_of(lake, dataset, inputs)
            keys = [consumed[name_of(key)].details["evaluation_ids"] for key in inputs]
            found = evaluations.read(lake, [key for each in keys for key in each], kind.table)
            return compare(found, config)

        return run_stage(
            context,
            lake,
            inputs=inputs,
            version=version,
            parameters={
                "chosen_budget": config.chosen_budget,
                **config.evaluation.model_dump(include={"resamples", "confidence"}),
            },
            compute=run,
        )

    return comparison


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
