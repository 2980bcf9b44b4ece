"""How numbers are written, and the one table that `make run` prints."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from sluice.reports.contents import RANDOM, BudgetRow, CurvePoint


def format_interval(mean: float, low: float, high: float) -> str:
    """Write a level, for example ``"0.712 [0.689, 0.735]"``."""
    return f"{mean:.3f} [{low:.3f}, {high:.3f}]"


def format_difference(mean: float, low: float, high: float) -> str:
    """Write a difference with its signs, for example ``"+0.021 [-0.004, +0.046]"``."""
    return f"{signed(mean)} [{signed(low)}, {signed(high)}]"


def signed(value: float) -> str:
    """Write a number with its sign, for example ``"-0.004"``."""
    # `z` (PEP 682) makes -0.0001 read "+0.000": a rounded zero has no direction.
    return f"{value:+z.3f}"


def verdict(row: BudgetRow) -> str:
    """Say in plain words how a row compares with stratified random rows."""
    if row.selector == RANDOM:
        return "the control"
    if row.beats_random is None:
        return "not compared"
    if row.beats_random:
        return "beats random"
    difference = row.versus_random
    if difference and (difference.low > 0 if row.lower else difference.high < 0):
        return "worse than random"
    return "does not beat random"


def sort_rows(rows: Sequence[BudgetRow]) -> list[BudgetRow]:
    """Sort by budget (the median size of its rows), then by the metric on test, best first.

    Rows with one budget label stay together even where a method returned fewer rows than asked.
    """
    sizes: dict[str, list[int]] = {}
    for row in rows:
        sizes.setdefault(row.budget_label, []).append(row.size)
    middle = {label: sorted(s)[len(s) // 2] for label, s in sizes.items()}

    def place(row: BudgetRow) -> tuple[int, str, float, str]:
        worth = row.test.mean if row.lower else -row.test.mean
        return middle[row.budget_label], row.budget_label, worth, row.selector

    return sorted(rows, key=place)


def curve_points(rows: Sequence[BudgetRow], pool_size: int) -> list[CurvePoint]:
    """Turn rows into the points of `sluice.reports.figures.learning_curve`, on test."""
    return [CurvePoint(r.selector, r.size / pool_size, r.test) for r in rows]


def result_table(
    rows: Sequence[BudgetRow],
    all_rows: BudgetRow | None,
    width: int = 140,
    metric: str = "accuracy",
) -> Table:
    """Build the table that `make run` prints: one line per selector and budget.

    Parameters
    ----------
    rows : sequence of BudgetRow
        In any order; printed by budget, then by the metric on test, best first.
    all_rows : BudgetRow or None
        Printed last, under its own rule.
    width : int
        Columns of the terminal, at least 80. Below 125 an interval stands below its mean.
    metric : str
        What the subsets are compared by; of one that is the better the less it is, a win is a
        whole interval below 0.

    Returns
    -------
    rich.table.Table
    """
    side = "below" if any(row.lower for row in rows) else "above"
    table = Table(
        title=f"What each subset trains (wins: {side} random, among all that is compared)",
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    # Folding, never cutting.
    room = None if width >= 125 else 8
    table.add_column("budget", overflow="fold", min_width=5)
    table.add_column("selector", overflow="fold", min_width=17)
    table.add_column("rows", justify="right", overflow="fold", min_width=5)
    also = list(rows[0].also) if rows else []
    for name in (f"test {metric}", "minus random", "minus all rows", *also):
        table.add_column(name, justify="right", overflow="fold", min_width=8, width=room)
    table.add_column("sec", justify="right")
    table.add_column("wins", no_wrap=True, min_width=4)
    ordered = sort_rows(rows)
    for row, after in zip(ordered, [*ordered[1:], None], strict=True):
        last = after is None or after.budget_label != row.budget_label
        table.add_row(*_cells(row), end_section=last)
    if all_rows is not None:
        table.add_row(*_cells(all_rows, says="-"))
    return table


def _cells(row: BudgetRow, says: str | None = None) -> list[Text]:
    says = verdict(row) if says is None else says
    style = {"beats random": "green", "worse than random": "red", "does not beat random": "yellow"}
    short = {
        "beats random": "yes",
        "does not beat random": "no",
        "worse than random": "less",
        "not compared": "",
        "the control": "-",
    }
    level, random, everything = row.test, row.versus_random, row.versus_all
    texts = [
        row.budget_label,
        row.selector,
        f"{row.size:,}",
        format_interval(level.mean, level.low, level.high),
        "" if random is None else format_difference(random.mean, random.low, random.high),
        ""
        if everything is None
        else format_difference(everything.mean, everything.low, everything.high),
        *row.also.values(),
        f"{row.seconds:.1f}",
    ]
    return [Text(t) for t in texts] + [Text(short.get(says, says), style=style.get(says, "dim"))]
