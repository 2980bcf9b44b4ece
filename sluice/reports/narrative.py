"""The sentences of a report: what the numbers say, in words, and no more than they say."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from sluice.reports.contents import RANDOM, BudgetRow, IntervalLike, ReportData
from sluice.reports.tables import format_difference, format_interval, sort_rows, verdict


def interval(value: IntervalLike) -> str:
    """Write an interval-like level."""
    return format_interval(value.mean, value.low, value.high)


def difference(value: IntervalLike | None) -> str:
    """Write an interval-like difference; nothing where there is no other side."""
    return "" if value is None else format_difference(value.mean, value.low, value.high)


def ends(value: IntervalLike, sign: str = "") -> str:
    """Write the two ends alone; `sign` is ``"+"`` for a difference."""
    return f"[{value.low:{sign}z.3f}, {value.high:{sign}z.3f}]"


def seconds(value: float) -> str:
    """Write a time span: ``"< 0.01 s"``, ``"12.3 s"``, ``"3 min 12 s"``, ``"2 h 05 min"``."""
    if 0 < value < 0.01:
        return "< 0.01 s"
    if value < 59.95:
        return f"{value:.2f} s" if value < 9.995 else f"{value:.1f} s"
    whole = round(value)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def share(part: int, whole: int) -> str:
    """Write a share, for example ``"10 %"``; nothing where there is no whole."""
    return f"{100 * part / whole:.3g} %" if whole else ""


def clip(text: str, most: int = 600) -> str:
    """Cut a very long text, and say how long it was."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters in all)"


def chosen_row(data: ReportData) -> BudgetRow | None:
    """Find the row that the report is about."""
    wanted = (data.chosen_selector, data.chosen_budget_label)
    return next((r for r in data.budget_rows if (r.selector, r.budget_label) == wanted), None)


def pool_size(data: ReportData) -> int:
    """Count the rows that selectors could pick from."""
    return data.all_rows.size if data.all_rows else sum(data.class_counts.values())


def headline(data: ReportData) -> str:
    """Say what was kept and what it trains."""
    row = chosen_row(data)
    if row is None:
        return "No subset has been evaluated yet."
    pool = pool_size(data)
    of = f" of {pool:,} training rows ({share(row.size, pool)})" if pool else " training rows"
    said = f"{row.selector} kept {row.size:,}{of}; a model trained on them alone reaches a test "
    said += f"{data.metric} of {interval(row.test)}"
    if data.all_rows is not None:
        said += f", and one trained on all rows {interval(data.all_rows.test)}"
    return f"{said}."


def against_random(data: ReportData) -> str:
    """Say how the chosen subset compares with random rows of the same number."""
    row = chosen_row(data)
    if row is None:
        return ""
    if row.selector == RANDOM:
        return "The chosen subset is the control itself: stratified random rows."
    if row.versus_random is None or row.beats_random is None:
        return "The chosen subset was not compared with stratified random rows."
    says = {"beats random": "beats random", "worse than random": "is worse than random"}
    alone = row.versus_random.high < 0 if row.lower else row.versus_random.low > 0
    otherwise = (
        f"is not shown to beat random among {len(compared(data))} comparisons, though it does "
        "taken alone"
        if alone
        else "does not beat random"
    )
    return (
        f"The chosen subset {says.get(verdict(row), otherwise)}: "
        f"{difference(row.versus_random)} against stratified random rows of the same number."
    )


def compared(data: ReportData) -> list[BudgetRow]:
    """Give the rows that were measured against random."""
    return [r for r in data.budget_rows if r.selector != RANDOM and r.beats_random is not None]


def overall(data: ReportData) -> str:
    """Say, over all selectors and budgets, whether anything beats random."""
    rows = compared(data)
    if not rows:
        return "No selector was compared with random."
    wins = sum(bool(r.beats_random) for r in rows)
    if not wins:
        return "No selector beats random at any budget."
    return f"{wins} of {len(rows)} subsets {'beats' if wins == 1 else 'beat'} random."


def chance(data: ReportData) -> str:
    """Say how seldom chance alone would give a win, whatever the dependence."""
    rows = compared(data)
    if not rows:
        return ""
    return (
        f"What beats random is said so that, if no selector differed from random, chance alone "
        f"would make any of the {len(rows)} claims in at most {100 * (1 - data.confidence):.2g} % "
        "of cases (Holm). The intervals are each for itself."
    )


@dataclass(frozen=True)
class Standing:
    """Where one selector beats random, where it does not, and where it is worse."""

    selector: str
    wins: tuple[str, ...]
    level: tuple[str, ...]
    worse: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The same in words."""
        parts = [
            f"{says} at {', '.join(where)}"
            for says, where in (
                ("beats random", self.wins),
                ("does not beat random", self.level),
                ("is worse than random", self.worse),
            )
            if where
        ]
        return "; ".join(parts)


def standings(data: ReportData) -> list[Standing]:
    """List each compared selector's standing: those that never win first, then by name."""
    ordered = sort_rows(compared(data))

    def where(name: str, wins: bool, worse: bool) -> tuple[str, ...]:
        return tuple(
            r.budget_label.replace(" ", "\N{NO-BREAK SPACE}")
            for r in ordered
            if r.selector == name
            and bool(r.beats_random) is wins
            and (verdict(r) == "worse than random") is worse
        )

    found = [
        Standing(n, where(n, True, False), where(n, False, False), where(n, False, True))
        for n in sorted({r.selector for r in ordered})
    ]
    return sorted(found, key=lambda s: bool(s.wins))


def uncompared(data: ReportData) -> list[str]:
    """List the selectors that were never measured against random."""
    known = {r.selector for r in compared(data)} | {RANDOM}
    return sorted({r.selector for r in data.budget_rows} - known)


def export_command(data: ReportData) -> str:
    """Write the command that gives the chosen subset's rows."""
    row = chosen_row(data)
    budget = "" if row is None or row.budget is None else f" --budget {row.budget:g}"
    return (
        f"sluice export {shlex.quote(data.dataset)} --method {shlex.quote(data.chosen_selector)}"
        f"{budget} kept.parquet"
    )


def alt_text(name: str, data: ReportData) -> str:
    """Describe a figure for those who do not see it; the numbers stand in the tables."""
    kind, _, detail = name.partition(":")
    row = chosen_row(data)
    kept = f"{row.size:,}" if row else "the"
    selectors = len({r.selector for r in data.budget_rows})
    texts = {
        "learning_curve": f"Test {data.metric} over the share of rows kept, for {selectors} "
        "selectors and all rows, with intervals. The table below holds the same numbers.",
        "selection_map": f"Map of the training rows: {kept} kept rows in the colour of their "
        "class, dropped rows in grey.",
        "class_balance": "Bars: each class's share of all training rows and of the kept rows, "
        f"{_counts(list(data.kept_class_counts.items()))}.",
        "score_histogram": f"Histogram of the score {detail} over the rows.",
        "training_curve": "Losses and measures over the course of training.",
    }
    return texts.get(kind, name)


def numbered_classes(data: ReportData) -> str:
    """Say which classes the pictures show as numbers: those whose letters no font has."""
    from sluice.reports.fonts import lettering

    numbered = lettering(list(data.kept_class_counts)).numbered
    return "; ".join(f"{number} is {name}" for number, name in numbered.items())


def _counts(items: Sequence[tuple[str, int]]) -> str:
    return "kept: " + ", ".join(f"{name} {count:,}" for name, count in items[:12])
