"""Tables of the noisy-label benchmark: a mean and a 95 % interval over the draws."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

Cells = dict[str, list[dict[str, float]]]
"""Of each method the figures of each draw; none where it gave no selection."""

ALL = "all rows"


def table(cells: Cells, columns: list[str], part: str = "") -> list[str]:
    """Lines of a table in Markdown; the last column is the accuracy less that of all rows."""
    head = ["selection", *columns, f"accuracy less {ALL}", "draws"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for name, draws in cells.items():
        shown = [interval(numbers(draws, part + column)) for column in columns]
        difference = numbers(draws, f"{part}accuracy") - numbers(cells[ALL], f"{part}accuracy")
        shown.append("" if name == ALL else interval(difference))
        there = sum(bool(draw) for draw in draws)
        lines.append("| " + " | ".join([name, *shown, f"{there} of {len(draws)}"]) + " |")
    return lines


def numbers(draws: list[dict[str, float]], column: str) -> NDArray[np.float64]:
    """Return the figures of a column, NaN where a draw has none."""
    return np.array([draw.get(column, np.nan) for draw in draws])


def interval(values: NDArray[np.float64]) -> str:
    """Mean and Student's 95 % interval over the draws that have a number."""
    found = values[np.isfinite(values)]
    if not len(found):
        return ""
    if len(found) == 1:
        return f"{found[0]:.3f}"
    half = t.ppf(0.975, len(found) - 1) * found.std(ddof=1) / np.sqrt(len(found))
    return f"{found.mean():.3f} ± {half:.3f}"
