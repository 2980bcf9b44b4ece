"""The comparison of all methods, read back as the rows that tables and pages show."""

from dataclasses import dataclass
from typing import Any

from assets.lineage.stage import inputs_of, name_of
from assets.lineage.task import Task
from resources.lake import Lake
from resources.store import records, selections
from sluice.data.config import DatasetConfig
from sluice.reports.contents import BudgetRow, Interval

_INTERVALS = ("test", "validation", "versus_random", "versus_all")


@dataclass(frozen=True)
class Results:
    """What was compared, by which metric, and what was chosen."""

    metric: str
    learner: str
    class_names: list[str]
    test_rows: int
    rows: list[BudgetRow]
    all_rows: BudgetRow
    chosen: dict[str, Any]
    sentences: list[str]
    enough: list[dict[str, Any]]
    enough_sentence: str


def row_to(row: BudgetRow) -> dict[str, Any]:
    """Return a row as JSON."""
    as_lists = {
        name: None if getattr(row, name) is None else list(_ends(getattr(row, name)))
        for name in _INTERVALS
    }
    return {**vars(row), **as_lists, "also": dict(row.also)}


def row_from(stored: dict[str, Any]) -> BudgetRow:
    """Return a row from its JSON."""
    intervals: dict[str, Any] = {
        name: None if stored[name] is None else Interval(*stored[name]) for name in _INTERVALS
    }
    return BudgetRow(**{**stored, **intervals})


def read_results(lake: Lake, task: Task, dataset: str) -> Results:
    """Read the newest comparison of a dataset."""
    key = task.key("evaluations", "comparison")
    return results_of(inputs_of(lake, dataset, [key])[name_of(key)])


def results_of(record: records.Record) -> Results:
    """Return what a comparison has recorded."""
    details = record.details
    return Results(
        metric=details["metric"],
        learner=details["learner"],
        class_names=details["class_names"],
        test_rows=details["test_rows"],
        rows=[row_from(row) for row in details["rows"]],
        all_rows=row_from(details["all_rows"]),
        chosen=details["chosen"],
        sentences=details["sentences"],
        # Those of before say nothing of it.
        enough=details.get("enough", []),
        enough_sentence=details.get("enough_sentence", ""),
    )


def selected(
    lake: Lake, task: Task, dataset: str, config: DatasetConfig
) -> list[tuple[str, str, int, int, str]]:
    """Return what each compared method keeps: name, budget, seeds, rows of a subset, and note."""
    prefix = name_of(task.key("subsets", ""))
    compared = task.compared(config)
    lines: list[tuple[str, str, int, int, str]] = []
    for name, record in sorted(records.latest(lake, dataset).items()):
        if not name.startswith(prefix) or name.removeprefix(prefix) not in compared:
            continue
        by_budget: dict[str, list[str]] = {}
        for entry in record.details["selections"]:
            by_budget.setdefault(entry["budget"], []).append(entry["selection_id"])
        for budget, ids in by_budget.items():
            head = selections.headers(lake, ids)[0]
            lines.append((name.removeprefix(prefix), budget, len(ids), head.size, head.note))
    return lines


def _ends(interval: Any) -> tuple[float, float, float]:
    return float(interval.mean), float(interval.low), float(interval.high)
