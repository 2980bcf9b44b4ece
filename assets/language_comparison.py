"""All methods side by side by the loss of the models that they train, and which to train on."""

from collections.abc import Sequence
from typing import Any

import dagster as dg
import numpy as np

from assets.language_evaluations import TABLE
from assets.stage import Outcome, digest_of, inputs_of, name_of, run_stage
from assets.subsets import budget_label
from assets.task import Task
from assets.tuning import SPLITS
from resources.datasets import Datasets
from resources.lake import Lake
from resources.locks import DatasetLock
from resources.store import evaluations, records
from sluice.data.config import DatasetConfig
from sluice.evaluation.bootstrap import Interval
from sluice.evaluation.cells import Measured
from sluice.evaluation.comparison import (
    ALL_ROWS,
    Choice,
    Comparison,
    choose_by_values,
    summarise_values,
)
from sluice.subsets.contract import Selector

VERSION = "1"
FEW_TEST_ROWS = 50
COLUMNS = (
    *("budget", "selector", "rows", "models", "test loss", "minus random", "minus all rows"),
    *("loss by family", "exact answers", "beats random"),
)


def language_comparison_asset(task: Task, selectors: list[Selector]) -> dg.AssetsDefinition:
    """Build the asset `[task, evaluations, comparison]`."""
    names = [selector.name for selector in selectors]
    everything = [task.key("evaluations", name) for name in (*names, ALL_ROWS)]

    @task.asset(
        "evaluations",
        "comparison",
        deps=everything,
        kinds={"duckdb", "numpy"},
        version=VERSION,
        description=(
            "Held-out loss a response token, in nats, of the models that each method's subsets "
            "train, lower being better: with intervals by a bootstrap over rows and seeds, and "
            "its paired differences to stratified random rows at the same budget and to all rows. "
            "A method beats random only where the whole interval of the difference lies below 0 "
            "on test. The chosen subset is the best on validation at the chosen budget."
        ),
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
            found = evaluations.read(lake, [key for each in keys for key in each], TABLE)
            return compare(found, config)

        return run_stage(
            context,
            lake,
            inputs=inputs,
            version=VERSION,
            parameters={
                "chosen_budget": config.chosen_budget,
                **config.evaluation.model_dump(include={"resamples", "confidence"}),
            },
            compute=run,
        )

    return comparison


def compare(found: list[dict[str, Any]], config: DatasetConfig) -> Outcome:
    """Return what the stored models of a dataset say about its methods."""
    labels = [*map(budget_label, config.budgets), "all"]
    order = {label: place for place, label in enumerate(labels)}
    results = [
        Measured(
            row["method"],
            order[row["budget"]],
            row["seed"],
            {split: -np.array(row[f"{split}_losses"]) for split in SPLITS},
        )
        for row in found
    ]
    table = summarise_values(
        results,
        confidence=config.evaluation.confidence,
        resamples=config.evaluation.resamples,
    )
    at = order[budget_label(config.chosen_budget)]
    choice = choose_by_values(results, at)
    chosen = chosen_of(found, choice, labels[at], validation_loss=-choice.seed_accuracy)
    lines = [_line(entry, labels, found) for entry in table]
    sentences = sentences_of(table, labels, chosen, len(found[0]["test_losses"]))
    return outcome_of(COLUMNS, lines, chosen, sentences, config)


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


def _line(entry: Comparison, labels: list[str], found: list[dict[str, Any]]) -> list[str]:
    label = labels[int(entry.budget)]
    rows = [r for r in found if (r["method"], r["budget"]) == (entry.selector, label)]
    exact = [row["test_exact"] for row in rows if np.isfinite(row["test_exact"])]
    random, everything = entry.against_random.get("test"), entry.against_all.get("test")
    return [
        label,
        entry.selector,
        f"{rows[0]['size']:,}",
        str(len(rows)),
        _loss(entry.accuracy["test"]),
        _loss(random, "+") if random else "",
        _loss(everything, "+") if everything else "",
        f"{np.mean([row['test_family_loss'] for row in rows]):.3f}",
        f"{np.mean(exact):.3f}" if exact else "",
        str(entry.beats_random).lower() if random else "",
    ]


def _loss(value: Interval, sign: str = "") -> str:
    """Write a mean of log-likelihoods as the loss that it is, with its interval."""
    mean, low, high = (f"{-end:{sign}z.3f}" for end in (value.mean, value.high, value.low))
    return f"{mean} [{low}, {high}]"


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
    compared = sorted({entry.selector for entry in table if entry.against_random})
    winners = sorted({entry.selector for entry in table if entry.beats_random})
    losers = [name for name in compared if name not in winners]
    said = [
        f"Chosen on validation: {chosen['selector']} at {chosen['budget']} ({chosen['size']} rows, "
        f"selection {chosen['selection_id']})."
    ]
    if losers:
        said.append(f"Not shown to beat random at any budget: {', '.join(losers)}.")
    for name in winners:
        where = [labels[int(e.budget)] for e in table if e.selector == name and e.beats_random]
        said.append(f"{name} beats random at {', '.join(where)}.")
    if test_rows < FEW_TEST_ROWS:
        said.append(f"Only {test_rows} test rows: too few to tell methods apart, whatever wins.")
    return said
