"""All methods side by side, against random and all rows; and which subset to train on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import dagster as dg
import numpy as np
from numpy.typing import NDArray

from assets.display.plots import plots
from assets.display.results import row_from, row_to
from assets.lineage import checks
from assets.lineage.stage import Outcome, Run, Stage, digest_of, stage
from assets.lineage.task import Task
from assets.stages.evaluations import Learners, Measuring, given_of
from resources.store import evaluations, selections
from resources.store.evaluations import Evaluated
from sluice.core.budgets import budget_label
from sluice.data.config import DatasetConfig
from sluice.evaluation.comparison import (
    ALL_ROWS,
    Choice,
    Comparison,
    Measured,
    choose,
    compare,
    findings,
    sizes_that_are_enough,
)
from sluice.evaluation.evaluate import chosen_by_and_judged_by
from sluice.evaluation.metrics import Bootstrap, Compared, Metric, Outcomes
from sluice.reports.contents import BudgetRow
from sluice.reports.curves import learning_curve
from sluice.reports.narrative import difference, interval
from sluice.reports.tables import curve_points
from sluice.subsets.contract import Selector

# 2: of outcomes, by the metric of the learner. 3: Student for the seeds, Holm, sizes enough.
VERSION = "3"


def comparison(learner: Learners, selectors: Sequence[Selector]) -> Stage:
    """Return the stage `evaluations/comparison`."""
    names = [*(selector.name for selector in selectors), ALL_ROWS]
    better = "below" if learner.metric().lower else "above"

    def compared(run: Run) -> Outcome:
        return _comparison(run, learner)

    return stage(
        "evaluations/comparison",
        reads=lambda task, config: [*_evaluated(task, config), "instances"],
        may_read=[*(f"evaluations/{name}" for name in names), "instances"],
        version=VERSION,
        checks=checks.OF_COMPARISON,
        description=(
            f"{learner.metric().label.capitalize()} of every method at every budget, with "
            "intervals by a bootstrap over rows and seeds, and its paired differences to "
            "stratified random rows at the same budget and to all rows. A method beats random "
            f"only where the whole interval on test lies {better} 0, and the claim holds among all "
            "that are made (Holm). Which size is enough: the smallest whose loss against all rows "
            "is shown to be within `evaluation.tolerance`. The subset for the model is the one "
            "that is best at the chosen budget on the validation rows that choose (half of them, "
            "by a hash): the selector by its mean over seeds, then its best seed (ours)."
        ),
        settings=lambda run: {
            "chosen_budget": run.config.chosen_budget,
            **run.config.evaluation.model_dump(include={"resamples", "confidence", "tolerance"}),
        },
        on_demand=learner.on_demand,
    )(compared)


def _evaluated(task: Task, config: DatasetConfig) -> list[str]:
    return [f"evaluations/{name}" for name in (*sorted(task.compared(config)), ALL_ROWS)]


def _comparison(run: Run, learner: Learners) -> Outcome:
    config = run.config
    measuring = Measuring.of(run, learner(given_of(run)))
    keys = [
        key
        for name in _evaluated(run.task, config)
        for key in run.record(name).details["evaluation_ids"]
    ]
    found = evaluations.read(run.lake, keys, measuring.labels)
    pool_size = len(measuring.present.of("train").ids)
    chooses, _ = chosen_by_and_judged_by(measuring.part("validation").ids)
    table = tabulate(found, learner.metrics, config, _selecting_seconds(run), chooses)
    chosen = _chosen(run, found, table.choice, learner.metric())
    sizes = enough_of(found, learner.metric(), config)
    sentence = sentence_of(sizes, table, learner.metric(), config, pool_size)
    tests = len(measuring.held_out["test"])
    sentences = [sentence, *findings(table.verdicts, chosen, tests)]
    stored = [row_to(row) for row in (*table.rows, table.all_rows)]
    timeless = [{k: v for k, v in row.items() if k != "seconds"} for row in stored]
    return Outcome(
        content=digest_of([*timeless, chosen]),
        total=len(stored),
        new=len(stored),
        metadata=_shown(config, learner, table, chosen, sentences, pool_size),
        details={
            "metric": learner.metric().label,
            "learner": learner.summary,
            "rows": stored[:-1],
            "all_rows": stored[-1],
            "chosen": chosen,
            "sentences": sentences,
            "enough": sizes,
            "enough_sentence": sentence,
            "test_rows": len(measuring.held_out["test"]),
            "class_names": measuring.names,
        },
    )


class Table:
    """Every method at every budget, as tables and pages show them, and which one is chosen.

    Attributes
    ----------
    rows : list of BudgetRow
        By budget and name.
    all_rows : BudgetRow
    choice : Choice
        Its budget is the place in the list of budgets.
    """

    def __init__(self, rows: list[BudgetRow], choice: Choice) -> None:
        self.rows = [row for row in rows if row.selector != ALL_ROWS]
        (self.all_rows,) = (row for row in rows if row.selector == ALL_ROWS)
        self.choice = choice

    @property
    def verdicts(self) -> list[tuple[str, str, bool]]:
        """Selector, budget, and whether it beats random there, of what is compared with it."""
        return [
            (row.selector, row.budget_label, bool(row.beats_random))
            for row in self.rows
            if row.versus_random is not None
        ]


def tabulate(
    found: Sequence[Evaluated],
    metrics: Sequence[Metric],
    config: DatasetConfig,
    seconds: Mapping[str, float] | None = None,
    chooses: NDArray[np.bool_] | None = None,
) -> Table:
    """Compare evaluated models by every metric; the first one decides.

    Parameters
    ----------
    found : sequence of Evaluated
    metrics : sequence of Metric
    config : DatasetConfig
        Its budgets, the chosen one, and how intervals are made.
    seconds : mapping, optional
        What selecting one subset took, by method.
    chooses : ndarray of bool, optional
        Which validation rows choose the subset for the model; all by default.
    """
    labels = [*map(budget_label, config.budgets), "all"]
    options = Bootstrap(**config.evaluation.model_dump(include={"confidence", "resamples"}))
    first = metrics[0]
    assert isinstance(first, Compared)
    results = {m.outcome: _results(found, labels, m.outcome) for m in metrics}
    tables = {
        m.name: compare(results[m.outcome], m, options) for m in metrics if isinstance(m, Compared)
    }
    rows: list[BudgetRow] = []
    for place, line in enumerate(tables[first.name]):
        label = labels[int(line.budget)]
        models = [m for m in found if (m.method, m.budget) == (line.selector, label)]
        also: dict[str, str] = {}
        for metric in metrics[1:]:
            compared = tables.get(metric.name)
            also |= _also(metric, models, compared[place] if compared else None)
        rows.append(
            BudgetRow(
                selector=line.selector,
                budget=[*config.budgets, None][int(line.budget)],
                budget_label=label,
                size=models[0].size,
                seeds=len(line.seeds),
                test=line.level["test"],
                validation=line.level["validation"],
                versus_random=line.against_random.get("test"),
                versus_all=line.against_all.get("test"),
                beats_random=line.beats_random if line.against_random else None,
                seconds=(seconds or {}).get(line.selector, 0.0),
                lower=first.lower,
                also=also,
            )
        )
    # Through JSON and back, so that a row is the same whether it was just made or read.
    rows = [row_from(row_to(row)) for row in rows]
    at = labels.index(budget_label(config.chosen_budget))
    deciding = [
        replace(each, outcomes={"validation": _kept(each.outcomes["validation"], chooses)})
        for each in results[first.outcome]
    ]
    return Table(rows, choose(deciding, first, at))


def _kept(outcomes: Outcomes, chooses: NDArray[np.bool_] | None) -> Outcomes:
    return outcomes if chooses is None else outcomes[chooses]


def enough_of(
    found: Sequence[Evaluated], metric: Compared, config: DatasetConfig
) -> list[dict[str, Any]]:
    """Return of each method the smallest budget that is shown to be enough, the smallest first.

    Returns
    -------
    list of dict
        ``selector``, ``budget``, ``size`` and ``loss``: by how much it may be worse than all rows.
    """
    options = Bootstrap(**config.evaluation.model_dump(include={"confidence", "resamples"}))
    sizes = {(model.method, model.budget): model.size for model in reversed(found)}
    measured = [
        Measured(
            model.method,
            sizes[model.method, model.budget],
            model.seed,
            {"test": model.outcomes["test"][metric.outcome]},
        )
        for model in found
    ]
    shown = sizes_that_are_enough(measured, metric, config.evaluation.tolerance, options)
    labels = {(method, size): label for (method, label), size in sizes.items()}
    named = [
        {
            "selector": name,
            "budget": labels[name, int(each.budget)],
            "size": int(each.budget),
            "loss": each.loss,
        }
        for name, each in shown.items()
    ]
    return sorted(named, key=lambda each: (each["size"], each["loss"], each["selector"]))


def sentence_of(
    sizes: Sequence[Mapping[str, Any]],
    table: Table,
    metric: Compared,
    config: DatasetConfig,
    pool_size: int,
) -> str:
    """Say which size is enough, by whom, or that none is shown to be."""
    tolerance, sure = config.evaluation.tolerance, f"{100 * config.evaluation.confidence:g} %"
    if metric.lower:
        within = f"{100 * tolerance:g} % of the {metric.label}"
    else:
        points = "point" if tolerance == 0.01 else "points"
        within = f"{100 * tolerance:g} {points} of {metric.label}"
    if not sizes:
        most = max((row.size for row in table.rows), default=0)
        return (
            f"No size up to {most:,} of {pool_size:,} rows is shown to be enough: each may be more "
            f"than {within} worse than all rows ({sure} sure)."
        )
    best = sizes[0]
    loss = f"{best['loss']:.3f}" if metric.lower else f"{100 * best['loss']:.1f} points"
    return (
        f"{best['selector']} at {best['budget']} ({best['size']:,} of {pool_size:,} rows) is "
        f"enough: at most {loss} worse than all rows in {metric.label} ({sure} sure)."
    )


def _results(found: Sequence[Evaluated], labels: list[str], kind: str) -> list[Measured]:
    return [
        Measured(
            model.method,
            labels.index(model.budget),
            model.seed,
            {split: kinds[kind] for split, kinds in model.outcomes.items()},
        )
        for model in found
    ]


def _also(metric: Metric, models: list[Evaluated], line: Comparison | None) -> dict[str, str]:
    """Write what a further metric says on test, by what it is called."""
    if line is None:
        numbers = [metric.value(model.outcomes["test"][metric.outcome]) for model in models]
        finite = [number for number in numbers if number == number]
        return {metric.label: f"{sum(finite) / len(finite):.3f}" if finite else ""}
    return {
        metric.label: interval(line.level["test"]),
        f"{metric.label} minus random": difference(line.against_random.get("test")),
    }


def _chosen(run: Run, found: Sequence[Evaluated], choice: Choice, metric: Metric) -> dict[str, Any]:
    label = budget_label(run.config.budgets[int(choice.budget)])
    model = next(
        m for m in found if (m.method, m.budget, m.seed) == (choice.selector, label, choice.seed)
    )
    (head,) = selections.headers(run.lake, [model.selection_id])
    return {
        "selector": model.method,
        "budget": label,
        "seed": model.seed,
        "selection_id": model.selection_id,
        "rows_digest": head.rows_digest,
        "size": model.size,
        f"validation_{metric.name}": choice.seed_metric,
    }


def _selecting_seconds(run: Run) -> dict[str, float]:
    """Return the seconds of selecting one subset by each method, on average."""
    made = {name: run.record(f"subsets/{name}") for name in run.task.compared(run.config)}
    return {
        name: record.seconds / max(1, len(record.details["selections"]))
        for name, record in made.items()
    }


def _shown(
    config: DatasetConfig,
    learner: Learners,
    table: Table,
    chosen: dict[str, Any],
    sentences: list[str],
    pool_size: int,
) -> dict[str, Any]:
    metric = learner.metric()
    lines = [
        {
            "budget": row.budget_label,
            "selector": row.selector,
            "rows": row.size,
            "models": row.seeds,
            f"test_{metric.name}": interval(row.test),
            "minus_random": difference(row.versus_random),
            "minus_all_rows": difference(row.versus_all),
            **row.also,
            "beats_random": "" if row.beats_random is None else str(row.beats_random),
        }
        for row in (*table.rows, table.all_rows)
    ]
    return {
        **plots(
            config,
            metric_over_budget=lambda: learning_curve(
                curve_points(table.rows, pool_size),
                table.all_rows.test,
                metric=f"test {metric.label}",
            ),
        ),
        "comparison": dg.MetadataValue.table([dg.TableRecord(line) for line in lines]),
        "says": dg.MetadataValue.md("\n".join(f"- {line}" for line in sentences)),
        "chosen_selector": chosen["selector"],
        "chosen_selection": chosen["selection_id"],
        f"all_rows_test_{metric.name}": float(table.all_rows.test.mean),
    }
