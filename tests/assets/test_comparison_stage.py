"""One comparison for all tasks says what each task's own said, on the same outcomes."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from assets.display.results import row_to
from assets.stages.comparison import tabulate
from resources.store.evaluations import HEADER, Evaluated, of_before
from sluice.data.config import parse_config
from sluice.evaluation.comparison import findings
from sluice.reports.tables import result_table
from sluice.tasks.instructions.learner import InstructionsLearner
from sluice.tasks.text.learner import TextLearner
from sluice.tasks.tokens.learner import TokensLearner

FROZEN = json.loads((Path(__file__).parent / "frozen_comparisons.json").read_text())
LABELS = {split: np.array(codes) for split, codes in FROZEN["labels"].items()}
TABLES = {
    "text": "evaluations",
    "instructions": "language_evaluations",
    "tokens": "token_evaluations",
}
LEARNERS = {"text": TextLearner, "instructions": InstructionsLearner, "tokens": TokensLearner}
CONFIG = parse_config(
    b"task: text\nfiles: [a.csv]\ncolumns: {text: t, label: l}\nbudgets: [0.1, 0.25]\n"
    b"chosen_budget: 0.1\nevaluation: {resamples: 200, confidence: 0.9}\n",
    "dataset.yaml",
)


def evaluated(task: str) -> list[Evaluated]:
    return [
        Evaluated(
            **{name: row[name] for name in HEADER},
            outcomes=of_before(TABLES[task], row, LABELS),
        )
        for row in FROZEN["stored"][task]
    ]


def test_accuracies_are_compared_as_before() -> None:
    table, before = (
        tabulate(evaluated("text"), TextLearner.metrics, CONFIG),
        FROZEN["found"]["text"],
    )
    names = {"test_accuracy": "test", "validation_accuracy": "validation"}
    expected = [{names.get(k, k): v for k, v in row.items()} for row in before["rows"]]
    found = [row_to(row) for row in (*table.rows, table.all_rows)]
    also = [{"lower": row.pop("lower"), **row.pop("also")} for row in found]
    assert [mean_of(row) for row in found] == [mean_of(row) for row in expected]
    assert all(set(row) == {"lower", "macro-F1"} for row in also)


def mean_of(row: dict[str, Any]) -> dict[str, Any]:
    """Leave out what hangs on the intervals: they know since how few the seeds are."""
    plain = {k: v[0] if isinstance(v, list) else v for k, v in row.items()}
    return {k: v for k, v in plain.items() if k != "beats_random"}


@pytest.mark.parametrize("task", ["instructions", "tokens"])
def test_every_cell_of_the_tables_of_trained_models_is_there(task: str) -> None:
    learner, before = LEARNERS[task], FROZEN["found"][task]
    table = tabulate(evaluated(task), learner.metrics, CONFIG)
    shown = result_table(table.rows, table.all_rows, 400, learner.metric().label)
    cells = list(zip(*(map(str, column.cells) for column in shown.columns), strict=True))
    by_name = {(line[0], line[1]): line for line in cells}
    for budget, selector, *rest in before["rows"]:
        line = by_name[budget, selector]
        means = [cell.split(" [")[0] for cell in line]
        for old in (cell.split(" [")[0] for cell in rest[:1] + rest[2:-1] if cell):
            assert old in means, (selector, old, line)
    assert (table.choice.selector, table.choice.seed) == (
        before["chosen"]["selector"],
        before["chosen"]["seed"],
    )


def test_few_test_rows_are_said() -> None:
    chosen = vars(SimpleNamespace(selector="a", budget="1%", size=3, selection_id="s"))
    (*_, last) = findings([("a", "1%", False)], chosen, 49)
    assert last == "Only 49 test rows: too few to tell methods apart, whatever wins."
