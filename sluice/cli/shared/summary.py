"""Small tables of what a command did."""

from __future__ import annotations

from collections.abc import Mapping

from rich.markup import escape
from rich.table import Table


def counts_line(counts: Mapping[str, int], most: int = 10) -> str:
    """Write counts as one line, the first `most` of them by name."""
    named = [f"{name} {count:,}" for name, count in list(counts.items())[:most]]
    rest = len(counts) - most
    return ", ".join(named) + (f" and {rest} more" if rest > 0 else "")


def summary(title: str, lines: Mapping[str, str]) -> Table:
    """Return a table of one line for each name and value."""
    table = Table(title=title, show_header=False, title_justify="left")
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in lines.items():
        table.add_row(escape(name), escape(value))
    return table
