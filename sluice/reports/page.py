"""The report: one self-contained HTML page, readable on paper, on a phone and in the dark."""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from sluice.reports import narrative
from sluice.reports.contents import BudgetRow, ReportData
from sluice.reports.style import BASE_DPI
from sluice.reports.tables import signed, sort_rows, verdict

if TYPE_CHECKING:
    from jinja2 import Template

WHISKER_WIDTH = 110.0
"""Pixels of the small drawing of a difference and its interval."""


_CODE = re.compile("`([^`]+)`")

ANSWERS = {"beats random": "yes", "does not beat random": "no", "worse than random": "no, worse"}
"""Verdicts, short, for the column headed "Beats random"."""


@dataclass(frozen=True)
class Picture:
    """One figure, as the template shows it; sizes in CSS pixels."""

    alt: str
    light: str
    dark: str
    width: int
    height: int


@dataclass(frozen=True)
class Whisker:
    """Horizontal places of an interval, its mean and zero, in pixels on one common scale."""

    low: float
    mean: float
    high: float
    zero: float


@dataclass(frozen=True)
class Line:
    """One line of the result table."""

    row: BudgetRow
    verdict: str
    answer: str
    chosen: bool
    whisker: Whisker | None


@dataclass(frozen=True)
class Group:
    """The lines of one budget."""

    label: str
    lines: list[Line]


def render(data: ReportData) -> str:
    """Write the report of one dataset.

    Parameters
    ----------
    data : ReportData

    Returns
    -------
    str
        A complete HTML document. Nothing in it is loaded from elsewhere, and it needs no
        script; every text from the data is escaped.
    """
    pictures = {n: _picture(n, data) for n in data.figures if not n.endswith("@dark")}
    return _template().render(
        data=data,
        words=narrative,
        row=narrative.chosen_row(data),
        pool=narrative.pool_size(data),
        groups=_groups(data),
        standings=narrative.standings(data),
        uncompared=narrative.uncompared(data),
        pictures=pictures,
        also=list(data.budget_rows[0].also) if data.budget_rows else [],
        scores=[p for n, p in sorted(pictures.items()) if n.startswith("score_histogram:")],
        selectors=_kept_order(data),
        safe_link=data.model_card is not None
        and data.model_card.mlflow_url.startswith(("http://", "https://")),
    )


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup, escape

    def code(text: str) -> Markup:
        """Escape a text, and set what stands between backticks as code."""
        return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))

    environment = Environment(
        loader=PackageLoader("sluice", "reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        interval=narrative.interval,
        difference=narrative.difference,
        ends=narrative.ends,
        signed=signed,
        seconds=narrative.seconds,
        clip=narrative.clip,
        code=code,
        thousands=lambda n: f"{n:,}",
    )
    return environment.get_template("page.html.j2")


def _kept_order(data: ReportData) -> list[str]:
    """The chosen selector first, the others by name."""
    return sorted(data.kept, key=lambda n: (n != data.chosen_selector, n))


def _picture(name: str, data: ReportData) -> Picture:
    png = data.figures[name]
    dark = data.figures.get(f"{name}@dark")
    width, height = _css_size(png)
    return Picture(
        narrative.alt_text(name, data),
        _data_url(png),
        _data_url(dark) if dark else "",
        width,
        height,
    )


def _data_url(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"


def _css_size(png: bytes) -> tuple[int, int]:
    """Size at which a figure was meant: its pixels, over how much denser than 100 dpi it is."""
    width, height = struct.unpack(">II", png[16:24])
    at = png.find(b"pHYs", 0, 4096)  # pixels per metre, before the image data
    dpi = struct.unpack(">I", png[at + 4 : at + 8])[0] * 0.0254 if at > 0 else BASE_DPI
    return round(width * BASE_DPI / dpi), round(height * BASE_DPI / dpi)


def _groups(data: ReportData) -> list[Group]:
    rows = sort_rows(data.budget_rows)
    place = _scale([r for r in rows if r.versus_random is not None])
    groups: list[Group] = []
    for row in rows:
        if not groups or groups[-1].label != row.budget_label:
            groups.append(Group(row.budget_label, []))
        chosen = (row.selector, row.budget_label) == (
            data.chosen_selector,
            data.chosen_budget_label,
        )
        says = verdict(row)
        line = Line(row, says, ANSWERS.get(says, says), chosen, _whisker(row, place))
        groups[-1].lines.append(line)
    return groups


def _scale(rows: Sequence[BudgetRow]) -> tuple[float, float]:
    """Lowest value and pixels per unit, so that every interval and zero fit."""
    ends = [0.0]
    for row in rows:
        if row.versus_random is not None:
            ends += [row.versus_random.low, row.versus_random.high]
    low, high = min(ends), max(ends)
    room = 0.05 * (high - low) or 0.01
    return low - room, WHISKER_WIDTH / (high - low + 2 * room)


def _whisker(row: BudgetRow, place: tuple[float, float]) -> Whisker | None:
    if row.versus_random is None:
        return None
    origin, unit = place
    value = row.versus_random
    low, mean, high, zero = (
        round((v - origin) * unit, 1) for v in (value.low, value.mean, value.high, 0.0)
    )
    return Whisker(low, mean, high, zero)
