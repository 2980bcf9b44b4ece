"""A report's worth of rows; the numbers are arbitrary, all different and easy to find again."""

import pytest

from sluice.reports.contents import (
    RANDOM,
    BudgetRow,
    Interval,
    KeptRow,
    ModelCard,
    ReportData,
    StageCost,
    SuspectRow,
)
from sluice.reports.figures import class_balance, themed


def budget_row(selector: str, budget: float, accuracy: float, gap: float | None) -> BudgetRow:
    versus = None if gap is None else Interval(gap, gap - 0.011, gap + 0.013)
    return BudgetRow(
        selector=selector,
        budget=budget,
        budget_label=f"{100 * budget:g} %",
        size=round(5000 * budget),
        seeds=5 if selector == RANDOM else 1,
        test=Interval(accuracy, accuracy - 0.021, accuracy + 0.022),
        validation=Interval(accuracy + 0.005, accuracy - 0.016, accuracy + 0.027),
        versus_random=versus,
        versus_all=Interval(accuracy - 0.9, accuracy - 0.93, accuracy - 0.88),
        beats_random=None if versus is None else versus.low > 0,
        seconds=1.25,
    )


@pytest.fixture
def rows() -> list[BudgetRow]:
    return [
        budget_row("k_center", 0.1, 0.741, 0.003),
        budget_row(RANDOM, 0.1, 0.738, None),
        budget_row("margin", 0.02, 0.512, -0.099),
        budget_row("gais", 0.1, 0.779, 0.041),
        budget_row(RANDOM, 0.02, 0.611, None),
        budget_row("k_center", 0.02, 0.602, -0.009),
        budget_row("margin", 0.1, 0.731, -0.007),
        budget_row("gais", 0.02, 0.615, 0.004),
    ]


@pytest.fixture
def data(rows: list[BudgetRow]) -> ReportData:
    everything = Interval(0.9, 0.881, 0.917)
    chosen = next(r for r in rows if (r.selector, r.budget) == ("gais", 0.1))
    return ReportData(
        dataset="tiny & <odd>",
        task="text",
        generated_at="2031-02-03T04:05:06+00:00",
        split_rows={"train": 5000, "validation": 1001, "test": 1002},
        class_counts={"good": 3000, "<b>bad</b>": 2000},
        kept_class_counts={"good": 290, "<b>bad</b>": 210},
        budget_rows=rows,
        all_rows=BudgetRow(
            "all rows", None, "100 %", 5000, 1, everything, everything, None, None, None, 0.0
        ),
        chosen_selector="gais",
        chosen_budget_label="10 %",
        snapshot="4711",
        rejected={"empty text": 13, "label <missing>": 17},
        warnings=["42 texts occur more than once"],
        stage_costs=[
            StageCost("embeddings", "minilm", 83.4, 7003, 71, 6932, 5, "cpu"),
            StageCost("subsets", "gais", 0.004, 500, 500, 0, 0, "cpu"),
        ],
        kept={
            "gais": [
                KeptRow(1, "id-1", "good", "<script>alert('x')</script>", 0.8125, "covers <good>"),
                KeptRow(3, "id-3", "<b>bad</b>", "a & b", 0.4375, "nearest to 17 rows"),
            ],
            "k_center": [KeptRow(1, "id-9", "good", "far away", 1.375, "farthest row")],
        },
        selection_ids={"gais": "sel-77aa", "k_center": "sel-88bb"},
        suspects=[SuspectRow("id-5", "<img src=x onerror=y>", "good", "<b>bad</b>", 0.0123)],
        model_card=ModelCard(
            "12", "champion", "gais", "10 %", "sel-77aa", 500, chosen.validation,
            chosen.test, "Version 12 became champion.", "http://127.0.0.1:5000/#/models",
        ),
        figures=themed("class_balance", class_balance, [3000, 2000], [290, 210], ["good", "bad"]),
        versions={"sluice": "0.1.0", "numpy": "2.4.9"},
    )  # fmt: skip
