"""The figures of the report and of the Dagster UI: arrays in, PNG bytes out.

Every function draws on its own `matplotlib.figure.Figure`: no pyplot, no global state, so
threads may draw at once. At ``scale=1`` a figure fits the UI and stays under 100 kB; the report
asks for more pixels. The same input gives the same bytes on one version of matplotlib.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import DataError
from sluice.reports.curves import learning_curve
from sluice.reports.fonts import lettering, short
from sluice.reports.maps import selection_map
from sluice.reports.projection import project_2d
from sluice.reports.style import DARK, LIGHT, Theme, dress, legend, new_figure, to_png

__all__ = [
    "DARK",
    "LIGHT",
    "Theme",
    "class_balance",
    "learning_curve",
    "project_2d",
    "score_histogram",
    "selection_map",
    "themed",
    "to_markdown",
    "training_curve",
]

MOST_CLASSES = 20
"""Beyond this, the class balance shows the largest classes and says how many it leaves out."""


def to_markdown(png: bytes, alt: str = "") -> str:
    """Write a PNG as a Markdown image with its bytes inside, for Dagster metadata."""
    return f"![{alt}](data:image/png;base64,{base64.b64encode(png).decode('ascii')})"


def themed(
    name: str, draw: Callable[..., bytes], *args: Any, scale: float = 2.0, **options: Any
) -> dict[str, bytes]:
    """Draw a figure for light and for dark screens, keyed as `ReportData.figures` wants them.

    Parameters
    ----------
    name : str
        For example ``"selection_map"``.
    draw : callable
        A figure function of this module; called with `args` and `options`.
    scale : float
        2 is sharp on every screen.
    """
    return {
        name: draw(*args, scale=scale, theme=LIGHT, **options),
        f"{name}@dark": draw(*args, scale=scale, theme=DARK, **options),
    }


def score_histogram(
    values: NDArray[np.float64],
    name: str,
    threshold: float | None = None,
    *,
    scale: float = 1.0,
    theme: Theme = LIGHT,
) -> bytes:
    """Draw how one score is spread over the rows, and how many lie below a threshold.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        NaN and infinities are left out, and counted in the note.
    name : str
    threshold : float or None
    scale : float
        1 draws 640 x 360 pixels.
    theme : Theme
    """
    finite = values[np.isfinite(values)]
    notes = [f"{len(finite):,} rows"]
    if len(finite):
        notes.append(f"median {np.median(finite):.3g}")
    if len(finite) < len(values):
        notes.append(f"{len(values) - len(finite):,} without a score")
    if threshold is not None and len(finite):
        below = int((finite < threshold).sum())
        notes.append(f"{below:,} ({100 * below / len(finite):.1f} %) below {threshold:.3g}")
    figure = new_figure(6.4, 3.6, scale, theme)
    axes = figure.subplots()
    if len(finite):
        axes.hist(finite, bins=40, color=theme.series[0], edgecolor=theme.paper, linewidth=0.4)
    if threshold is not None:
        axes.axvline(threshold, color=theme.series[1], linewidth=1.6)
    dress(axes, theme, short(name, 48), ", ".join(notes))
    axes.set(xlabel="score", ylabel="rows")
    return to_png(figure)


def class_balance(
    counts_pool: Sequence[int] | NDArray[Any],
    counts_kept: Sequence[int] | NDArray[Any],
    class_names: Sequence[str],
    *,
    scale: float = 1.0,
    theme: Theme = LIGHT,
) -> bytes:
    """Draw each class's share of the pool and of the kept rows, side by side.

    Parameters
    ----------
    counts_pool, counts_kept : sequence of int, length C
        Kept rows are among the pool's.
    class_names : sequence of str, length C
        Beyond `MOST_CLASSES`, the largest in the pool are shown.
    scale : float
        1 draws 700 pixels of width; the height grows with the classes.
    theme : Theme
    """
    pool, kept = np.asarray(counts_pool), np.asarray(counts_kept)
    if not pool.shape == kept.shape == (len(class_names),):
        raise DataError(
            f"class_balance: {pool.shape} and {kept.shape} counts for {len(class_names)} class "
            "names; give one count of each kind per class."
        )
    shown = np.arange(len(pool))
    if len(shown) > MOST_CLASSES:
        shown = np.argsort(-pool, kind="stable")[:MOST_CLASSES]
    parts = [100 * c[shown] / max(int(c.sum()), 1) for c in (pool, kept)]
    figure = new_figure(7, 1.5 + 0.52 * len(shown), scale, theme)
    axes = figure.subplots()
    place = np.arange(len(shown))
    styles = ((-0.19, "all rows", theme.faint, pool), (0.19, "kept", theme.series[0], kept))
    for (offset, name, colour, counts), share in zip(styles, parts, strict=True):
        axes.barh(place + offset, share, height=0.34, color=colour, label=name, linewidth=0)
        for y, s, count in zip(place + offset, share, counts[shown], strict=True):
            axes.annotate(
                f"{s:.1f} %  ({count:,})", (s, y), xytext=(4, 0), textcoords="offset points",
                va="center", fontsize=8.5, color=theme.ink,
            )  # fmt: skip
    left_out = len(pool) - len(shown)
    note = f"share of rows (count); {left_out} smaller classes not shown" if left_out else ""
    dress(axes, theme, "Class balance", note or "share of rows (count)")
    drawn = lettering(class_names)
    axes.set(yticks=place, yticklabels=[drawn.names[int(c)] for c in shown], xticks=[])
    for label in axes.get_yticklabels():
        label.set_fontfamily(drawn.families)
    axes.set_xlim(0, 1.22 * max((float(p.max()) for p in parts if len(p)), default=1.0) or 1.0)
    axes.invert_yaxis()
    axes.grid(visible=False)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(axis="y", length=0, labelcolor=theme.ink)
    legend(axes, theme, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return to_png(figure)


def training_curve(
    curve: Mapping[str, Sequence[float]],
    steps: Sequence[float] | None = None,
    *,
    step_name: str = "epoch",
    scale: float = 1.0,
    theme: Theme = LIGHT,
) -> bytes:
    """Draw what training recorded: losses in one panel, other measures in another.

    Parameters
    ----------
    curve : mapping of str to sequence of float
        Values per series; a name that contains "loss" goes to the panel of losses.
    steps : sequence of float or None
        Where the values were taken; 1, 2, 3, ... if None.
    step_name : str
    scale : float
        1 draws 400 pixels of width per panel.
    theme : Theme
    """
    series = {name: np.asarray(values, dtype=np.float64) for name, values in curve.items()}
    panels = [
        (title, [n for n in series if ("loss" in n.lower()) is is_loss])
        for title, is_loss in (("Loss", True), ("Measured", False))
    ]
    panels = [p for p in panels if p[1]] or [("Training", [])]
    figure = new_figure(4 * max(len(panels), 1.5), 3.4, scale, theme)
    grid = figure.subplots(1, len(panels), squeeze=False)
    for (title, names), axes in zip(panels, grid.flat, strict=True):
        for i, name in enumerate(names):
            where = np.arange(1, len(series[name]) + 1) if steps is None else np.asarray(steps)
            axes.plot(
                where, series[name], label=name.replace("_", " "), linewidth=1.8,
                color=theme.series[i % len(theme.series)], marker="o", markersize=3.5,
            )  # fmt: skip
        dress(axes, theme, title)
        axes.set(xlabel=step_name)
        axes.xaxis.get_major_locator().set_params(integer=True)
        if names:
            legend(axes, theme, loc="best")
    return to_png(figure)
