"""All methods side by side, against random and all rows; and which subset to train on."""

from typing import Any

import dagster as dg
import numpy as np

from assets.lineage.inputs import Rows, read_rows
from assets.lineage.plots import plots
from assets.lineage.stage import (
    Outcome,
    Run,
    Stage,
    digest_of,
    inputs_of,
    name_of,
    stage,
)
from assets.lineage.task import Task
from assets.stages import checks
from assets.stages.evaluations import ALL_ROWS, SPLITS
from assets.stages.results import row_from, row_to
from assets.stages.subsets import budget_label
from assets.stages.trained_comparison import compared_evaluations, comparison_settings, findings
from resources.lake import Lake
from resources.store import evaluations, records
from sluice.data.config import DatasetConfig
from sluice.evaluation.comparison import Comparison, Evaluated, choose_subset, summarise
from sluice.reports.contents import BudgetRow
from sluice.reports.curves import learning_curve
from sluice.reports.tables import curve_points, format_interval
from sluice.subsets.contract import Selector

VERSION = "1"


def comparison(selectors: list[Selector]) -> Stage:
    """Return the stage `evaluations/comparison`."""
    names = [*(selector.name for selector in selectors), ALL_ROWS]
    return stage(
        "evaluations/comparison",
        reads=lambda task, config: [*compared_evaluations(task, config), "instances"],
        may_read=[*(f"evaluations/{name}" for name in names), "instances"],
        version=VERSION,
        checks=(checks.OF_COMPARISON,),
        description=(
            "Accuracy over budget of every method, with intervals by a bootstrap over rows and "
            "seeds, and its paired differences to stratified random rows at the same budget and "
            "to all rows. A method beats random only where the whole interval lies above 0. The "
            "subset for the model is the one that is best on validation at the chosen budget: the "
            "selector by its mean over seeds, then its best seed (ours)."
        ),
        settings=comparison_settings,
    )(_comparison)


def _comparison(run: Run) -> Outcome:
    consumed = [run.record(name) for name in compared_evaluations(run.task, run.config)]
    seconds = _selecting_seconds(run.lake, run.task, run.dataset, run.task.compared(run.config))
    return _compare(run.lake, run.config, read_rows(run.lake, run.dataset), consumed, seconds)


def _compare(
    lake: Lake,
    config: DatasetConfig,
    present: Rows,
    consumed: list[records.Record],
    seconds: dict[str, float],
) -> Outcome:
    jobs = [job for record in consumed for job in record.details["selections"]]
    found = evaluations.read(
        lake, [key for record in consumed for key in record.details["evaluation_ids"]]
    )
    sizes = {(job["method"], job["budget"]): job["size"] for job in jobs}
    order = {label: place for place, label in enumerate(map(budget_label, config.budgets))}
    truth = {split: present.of(split).labels for split in SPLITS}
    results = [_evaluated(row, order) for row in found]
    table = summarise(
        results,
        truth,
        confidence=config.evaluation.confidence,
        resamples=config.evaluation.resamples,
    )
    labels = [*map(budget_label, config.budgets), "all"]
    shares = [*config.budgets, None]
    rows = [_row(line, labels, shares, sizes, seconds) for line in table]
    budgeted = [row for row in rows if row.selector != ALL_ROWS]
    all_rows = next(row for row in rows if row.selector == ALL_ROWS)
    at = order[budget_label(config.chosen_budget)]
    chosen = _chosen(choose_subset(results, truth["validation"], at), jobs, labels[at])
    sentences = _sentences(budgeted, chosen, len(truth["test"]))
    stored = [row_to(row) for row in budgeted]
    return Outcome(
        content=digest_of([_timeless(row) for row in [*stored, row_to(all_rows)]] + [chosen]),
        total=len(table),
        new=len(table),
        metadata=_shown(
            config, budgeted, all_rows, chosen, sentences, len(present.of("train").ids)
        ),
        details={
            "rows": stored,
            "all_rows": row_to(all_rows),
            "chosen": chosen,
            "sentences": sentences,
            "class_names": list(present.class_names),
        },
    )


def _timeless(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != "seconds"}


def _evaluated(row: dict[str, Any], order: dict[str, int]) -> Evaluated:
    return Evaluated(
        selector=row["method"],
        budget=order.get(row["budget"], len(order)),
        seed=row["seed"],
        predictions={split: np.array(row[f"{split}_predicted"]) for split in SPLITS},
    )


def _row(
    line: Comparison,
    labels: list[str],
    shares: list[float | None],
    sizes: dict[tuple[str, str], int],
    seconds: dict[str, float],
) -> BudgetRow:
    label = labels[int(line.budget)]
    row = BudgetRow(
        selector=line.selector,
        budget=shares[int(line.budget)],
        budget_label=label,
        size=sizes[line.selector, label],
        seeds=len(line.seeds),
        test_accuracy=line.accuracy["test"],
        validation_accuracy=line.accuracy["validation"],
        versus_random=line.against_random.get("test"),
        versus_all=line.against_all.get("test"),
        beats_random=line.beats_random if line.against_random else None,
        seconds=seconds.get(line.selector, 0.0),
    )
    # Through JSON and back, so that a row is the same whether it was just made or read.
    return row_from(row_to(row))


def _chosen(choice: Any, jobs: list[dict[str, Any]], label: str) -> dict[str, Any]:
    for job in jobs:
        if (job["method"], job["budget"], job["seed"]) == (choice.selector, label, choice.seed):
            return {
                "selector": choice.selector,
                "budget": label,
                "seed": choice.seed,
                "selection_id": job["selection_id"],
                "rows_digest": job["rows_digest"],
                "size": job["size"],
                "validation_accuracy": choice.seed_accuracy,
            }
    raise KeyError(f"{choice.selector} at {label} with seed {choice.seed}")


def _selecting_seconds(lake: Lake, task: Task, dataset: str, methods: set[str]) -> dict[str, float]:
    """Return the seconds of selecting one subset by each method, on average."""
    keys = [task.key("subsets", name) for name in sorted(methods)]
    consumed = inputs_of(lake, dataset, keys)
    return {
        key.path[-1]: consumed[name_of(key)].seconds
        / max(1, len(consumed[name_of(key)].details["selections"]))
        for key in keys
    }


def _sentences(rows: list[BudgetRow], chosen: dict[str, Any], test_rows: int) -> list[str]:
    compared = [
        (row.selector, row.budget_label, bool(row.beats_random))
        for row in rows
        if row.versus_random is not None
    ]
    return findings(compared, chosen, test_rows)


def _shown(
    config: DatasetConfig,
    rows: list[BudgetRow],
    all_rows: BudgetRow,
    chosen: dict[str, Any],
    sentences: list[str],
    pool_size: int,
) -> dict[str, Any]:
    table = [
        {
            "budget": row.budget_label,
            "selector": row.selector,
            "rows": row.size,
            "test_accuracy": _text(row.test_accuracy),
            "minus_random": _text(row.versus_random),
            "minus_all_rows": _text(row.versus_all),
            "beats_random": str(row.beats_random),
        }
        for row in [*rows, all_rows]
    ]
    return {
        **plots(
            config,
            accuracy_over_budget=lambda: learning_curve(
                curve_points(rows, pool_size), all_rows.test_accuracy
            ),
        ),
        "comparison": dg.MetadataValue.table([dg.TableRecord(row) for row in table]),
        "says": dg.MetadataValue.md("\n".join(f"- {line}" for line in sentences)),
        "chosen_selector": chosen["selector"],
        "chosen_selection": chosen["selection_id"],
        "all_rows_test_accuracy": float(all_rows.test_accuracy.mean),
    }


def _text(interval: Any) -> str:
    return "" if interval is None else format_interval(interval.mean, interval.low, interval.high)
