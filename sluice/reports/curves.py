"""The learning curve: what each selector reaches with how few rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sluice.reports.contents import RANDOM, CurvePoint, IntervalLike
from sluice.reports.style import LIGHT, Theme, dress, head, mark_of, new_figure, to_png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CROWD = 4
"""Up to this many selectors share one panel; more get one each, or the bands hide each other."""

TICK_ROOM = 0.075
"""Width of a tick's label as a share of the picture's."""

Curves = dict[str, list[CurvePoint]]


def learning_curve(
    points: Sequence[CurvePoint],
    all_rows: IntervalLike | None = None,
    *,
    metric: str = "test accuracy",
    rows: str = "rows kept",
    control: str = RANDOM,
    scale: float = 1.0,
    theme: Theme = LIGHT,
) -> bytes:
    """Draw a metric over budget with interval bands: random in ink, all rows dashed.

    Parameters
    ----------
    points : sequence of CurvePoint
        In any order; the control is named `RANDOM`.
    all_rows : IntervalLike or None
        What training on every row reaches.
    metric : str
        Label of the vertical axis.
    rows : str
        What the horizontal axis counts.
    control : str
        What the points named `RANDOM` are called.
    scale : float
        1 draws 800 pixels of width.
    theme : Theme

    Returns
    -------
    bytes
        PNG. Beyond `CROWD` selectors: one panel each, every panel with random and all rows.

    Raises
    ------
    ValueError
        Where there is no point to draw.
    """
    if not points:
        raise ValueError("learning_curve: no points; evaluate at least one subset first.")
    curves: Curves = {}
    for point in sorted(points, key=lambda p: (p.selector, p.share)):
        curves.setdefault(point.selector, []).append(point)
    names = sorted(set(curves) - {RANDOM}, key=lambda n: (-curves[n][-1].level.mean, n))
    shared = len(names) <= CROWD
    panels = [names] if shared else [[name] for name in names]
    columns = 1 if shared else 3
    lines = -(-len(panels) // columns)
    height = 4.4 if shared else 1.05 + 2.0 * lines
    figure = new_figure(8, height, scale, theme)
    grid = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    for index, axes in enumerate(grid.flat):
        if index >= len(panels):
            axes.set_visible(False)
            continue
        _controls(axes, curves.get(RANDOM, []), all_rows, theme)
        for name in panels[index]:
            _curve(axes, curves[name], theme)
        # The last panel of each column carries the ticks, also above an empty place.
        axes.xaxis.set_tick_params(labelbottom=index + columns >= len(panels))
    _axes(grid.flat[0], points, all_rows, TICK_ROOM if shared else columns * TICK_ROOM)
    if shared:
        axes = grid.flat[0]
        dress(axes, theme, _sentence(metric, rows), "bands are confidence intervals")
        axes.set(xlabel=f"{rows}, share of all (log scale)", ylabel=metric)
        _end_labels(axes, curves, all_rows, theme, control)
    else:
        for name, axes in zip(names, grid.flat, strict=False):
            dress(axes, theme, name, colour=mark_of(name, theme).colour)
        ink = "black" if theme is LIGHT else "white"
        dashed = ", all rows dashed" if all_rows is not None else ""
        head(
            figure, theme, _sentence(metric, rows),
            f"one method per panel; random in {ink}{dashed}; bands are confidence intervals",
        )  # fmt: skip
        figure.supxlabel(f"{rows}, share of all (log scale)", fontsize=9.5, color=theme.muted)
    return to_png(figure)


def _sentence(metric: str, rows: str) -> str:
    return f"{metric[:1].upper()}{metric[1:]} over {rows}"


def _controls(
    axes: Axes, random: list[CurvePoint], all_rows: IntervalLike | None, theme: Theme
) -> None:
    if all_rows is not None:
        axes.axhspan(all_rows.low, all_rows.high, color=theme.muted, alpha=0.10, linewidth=0)
        axes.axhline(all_rows.mean, color=theme.muted, linewidth=1.2, linestyle=(0, (5, 4)))
    if random:
        _curve(axes, random, theme, width=2.4, alpha=0.14)


def _curve(
    axes: Axes, points: list[CurvePoint], theme: Theme, width: float = 1.7, alpha: float = 0.16
) -> None:
    mark = mark_of(points[0].selector, theme)
    shares = [p.share for p in points]
    axes.fill_between(
        shares,
        [p.level.low for p in points],
        [p.level.high for p in points],
        color=mark.colour, alpha=alpha, linewidth=0,
    )  # fmt: skip
    if len(points) == 1:  # a band of no width would hide its interval
        axes.vlines(shares, points[0].level.low, points[0].level.high, color=mark.colour, alpha=0.6)
    axes.plot(
        shares,
        [p.level.mean for p in points],
        color=mark.colour, linewidth=width, linestyle=mark.dash,
        marker=mark.marker, markersize=4.5, markeredgewidth=0,
    )  # fmt: skip


def _axes(
    axes: Axes, points: Sequence[CurvePoint], all_rows: IntervalLike | None, room: float
) -> None:
    """Set log budgets with ticks that have room, percents written out, and limits that fit."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    shares = ticks([p.share for p in points], room)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(shares))
    axes.xaxis.set_major_formatter(
        FixedFormatter([f"{100 * s:.{3 if s >= 0.1 else 2}g} %" for s in shares])
    )
    axes.xaxis.set_minor_locator(NullLocator())
    low, high = min(p.share for p in points), max(p.share for p in points)
    axes.set_xlim(low / 1.12, high * 1.12)
    ends = [p.level for p in points] + ([all_rows] if all_rows is not None else [])
    bottom, top = min(e.low for e in ends), max(e.high for e in ends)
    margin = 0.04 * (top - bottom) or 0.01
    axes.set_ylim(bottom - margin, top + margin)


def ticks(shares: list[float], room: float) -> list[float]:
    """One tick per budget, but for those too near the last tick for a label of this share of width.

    Shares within 10 % of each other are the same budget, rounded.
    """
    apart = max(1.1, (max(shares) / min(shares)) ** room)
    ticks: list[float] = []
    for share in sorted(shares):
        if not ticks or share > ticks[-1] * apart:
            ticks.append(share)
    return ticks


def _end_labels(
    axes: Axes, curves: Curves, all_rows: IntervalLike | None, theme: Theme, control: str
) -> None:
    """Name each line at its right end, moved apart where two ends lie close."""
    bottom, top = axes.get_ylim()
    ends = [
        (p[-1].level.mean, name, mark_of(name, theme).colour, name == RANDOM)
        for name, p in curves.items()
    ]
    if all_rows is not None:
        ends.append((all_rows.mean, "all rows", theme.muted, False))
    ends.sort(key=lambda e: (e[0], e[1]))
    places = spread([(e[0] - bottom) / (top - bottom) for e in ends], 0.056)
    for (value, name, colour, strong), place in zip(ends, places, strict=True):
        axes.annotate(
            f"{control if strong else name} {value:.3f}",
            xy=(1, (value - bottom) / (top - bottom)), xycoords="axes fraction",
            xytext=(1.045, place), textcoords="axes fraction",
            va="center", fontsize=9, color=colour, fontweight="bold" if strong else "normal",
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.7, "relpos": (0, 0.5),
                        "shrinkA": 1, "shrinkB": 0},
        )  # fmt: skip


def spread(places: list[float], gap: float) -> list[float]:
    """Move sorted places apart to at least `gap`, each as little as possible.

    Least squares by pooling neighbours that are too close (isotonic regression of
    ``places[i] - i * gap``).
    """
    pools: list[tuple[float, int]] = []
    for i, place in enumerate(places):
        mean, count = place - i * gap, 1
        while pools and pools[-1][0] >= mean:
            before, many = pools.pop()
            mean, count = (before * many + mean * count) / (many + count), many + count
        pools.append((mean, count))
    level = [mean for mean, count in pools for _ in range(count)]
    return [base + i * gap for i, base in enumerate(level)]
