from dataclasses import dataclass, replace
from io import StringIO

import pytest
from rich.console import Console
from rich.table import Table

from sluice.reports.contents import RANDOM, BudgetRow, Interval, ReportData
from sluice.reports.tables import (
    curve_points,
    format_difference,
    format_interval,
    result_table,
    sort_rows,
    verdict,
)


def printed(table: Table, width: int) -> str:
    out = StringIO()
    Console(file=out, width=width, color_system=None).print(table)
    return out.getvalue()


@pytest.mark.parametrize(
    ("value", "text"),
    [((0.712, 0.689, 0.735), "0.712 [0.689, 0.735]"), ((1, 0.99951, 1), "1.000 [1.000, 1.000]")],
)
def test_format_interval(value: tuple[float, float, float], text: str) -> None:
    assert format_interval(*value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ((0.021, -0.004, 0.046), "+0.021 [-0.004, +0.046]"),
        ((-0.0001, -0.0004, 0.0004), "+0.000 [+0.000, +0.000]"),
    ],
)
def test_format_difference(value: tuple[float, float, float], text: str) -> None:
    assert format_difference(*value) == text


@pytest.mark.parametrize(
    ("gap", "wins", "says"),
    [
        (Interval(0.02, 0.001, 0.04), True, "beats random"),
        (Interval(0.02, 0.0, 0.04), False, "does not beat random"),
        (Interval(0.02, -0.01, 0.04), False, "does not beat random"),
        (Interval(-0.02, -0.04, -0.01), False, "worse than random"),
        (None, None, "not compared"),
    ],
)
def test_verdict_follows_the_interval(
    rows: list[BudgetRow], gap: Interval | None, wins: bool | None, says: str
) -> None:
    row = replace(rows[0], versus_random=gap, beats_random=wins)
    assert verdict(row) == says
    assert verdict(replace(row, selector=RANDOM)) == "the control"
    # of a loss, the other side of 0 is the better one
    turned = gap and Interval(-gap.mean, -gap.high, -gap.low)
    assert verdict(replace(row, versus_random=turned, lower=True)) == says


def test_less_of_a_loss_comes_first_and_further_metrics_have_columns(rows: list[BudgetRow]) -> None:
    some = [r for r in rows if r.budget_label == rows[0].budget_label]
    losses = [replace(r, lower=True, also={"exact answers": "0.250"}) for r in some]
    assert [r.test.mean for r in sort_rows(losses)] == sorted(r.test.mean for r in losses)
    table = result_table(losses, None, 200, "loss in nats a token")
    names = [str(column.header) for column in table.columns]
    assert {"test loss in nats a token", "exact answers"} <= set(names)
    assert "below random" in str(table.title)


MARKS = {
    "beats random": "yes",
    "does not beat random": "no",
    "worse than random": "less",
    "the control": "-",
}


def test_rows_go_by_budget_then_accuracy(rows: list[BudgetRow]) -> None:
    assert [(r.budget_label, r.selector) for r in sort_rows(rows)] == [
        ("2 %", "gais"), ("2 %", RANDOM), ("2 %", "k_center"), ("2 %", "margin"),
        ("10 %", "gais"), ("10 %", "k_center"), ("10 %", RANDOM), ("10 %", "margin"),
    ]  # fmt: skip


def test_a_method_that_returned_fewer_rows_stays_with_its_budget(rows: list[BudgetRow]) -> None:
    short = [replace(r, size=50) if r.selector == "gais" else r for r in rows]
    labels = [r.budget_label for r in sort_rows(short)]
    assert labels == ["2 %"] * 4 + ["10 %"] * 4


def test_table_tells_every_number_and_says_plainly_what_does_not_beat_random(
    data: ReportData,
) -> None:
    text = printed(result_table(data.budget_rows, data.all_rows), 140)
    lines = [line for line in text.splitlines() if "[" in line]
    assert len(lines) == 9
    for line, row in zip(lines, sort_rows(data.budget_rows), strict=False):
        assert row.selector in line
        assert format_interval(*row.test) in line
        if row.versus_random is not None:
            assert format_difference(*row.versus_random) in line
            assert format_difference(*row.versus_all) in line
        assert line.split()[-1] == MARKS[verdict(row)]
    assert "5,000" in lines[-1]
    assert "0.900 [0.881, 0.917]" in lines[-1]


@pytest.mark.parametrize("width", [80, 100, 120])
def test_a_narrow_terminal_folds_and_loses_nothing(data: ReportData, width: int) -> None:
    text = printed(result_table(data.budget_rows, data.all_rows, width), width)
    assert "…" not in text
    for row in data.budget_rows:
        for bound in (row.test.mean, row.test.low, row.test.high):
            assert f"{bound:.3f}" in text
        if row.versus_random is not None:
            assert f"{row.versus_random.high:+z.3f}" in text
        assert MARKS[verdict(row)] in text
    assert "wins" in text
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width


def test_markup_in_a_name_is_not_obeyed(rows: list[BudgetRow]) -> None:
    odd = replace(rows[0], selector="[bold]x[/bold]")
    assert "[bold]x[/bold]" in printed(result_table([odd], None), 140)


def test_curve_points_are_shares_of_the_pool(rows: list[BudgetRow]) -> None:
    points = curve_points(rows, 5000)
    assert [p.share for p in points] == [r.budget for r in rows]
    assert [p.level for p in points] == [r.test for r in rows]


def test_any_object_with_three_numbers_is_an_interval(rows: list[BudgetRow]) -> None:
    @dataclass(frozen=True)
    class Other:
        mean: float
        low: float
        high: float

    row = replace(rows[0], test=Other(0.1234, 0.1, 0.2))
    assert "0.123 [0.100, 0.200]" in printed(result_table([row], None), 140)
