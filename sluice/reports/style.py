"""How every figure looks: palette, type, margins, and how a figure becomes PNG bytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from sluice.reports.contents import RANDOM

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BASE_DPI = 100
"""Pixels per inch of a figure at scale 1, the size that fits the Dagster UI."""


@dataclass(frozen=True)
class Theme:
    """Colours of one appearance.

    `series` are seven hues in Okabe and Ito's order of distinctness (jfly.uni-koeln.de, "Color
    universal design"), told apart under every common colour blindness; the dark ones are the
    same hues, lighter. Their yellow is left out: it cannot be read on white.
    """

    paper: str
    ink: str
    muted: str
    grid: str
    dropped: str
    faint: str
    series: tuple[str, ...]


LIGHT = Theme(
    paper="#ffffff",
    ink="#1b1f24",
    muted="#5b6470",
    grid="#e3e6ea",
    dropped="#d5d9de",
    faint="#aeb6c0",
    series=("#0072b2", "#d55e00", "#009e73", "#b0568c", "#c98a00", "#3a9bd6", "#7a4fbf"),
)
DARK = Theme(
    paper="#171b21",
    ink="#e6e9ee",
    muted="#9aa4b1",
    grid="#2b323b",
    dropped="#3a424d",
    faint="#66707c",
    series=("#4da6e0", "#f2843a", "#2fc79a", "#dd8fbf", "#e8b23c", "#8ccbf2", "#ab8ae0"),
)

_MARKERS = ("o", "s", "^", "D", "v", "P")
_DASHES = (
    *((0, ()), (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)), (0, (8, 2))),
    (0, (3, 1, 1, 1)),
)
# So that no two methods of the usual reports share a colour: a line of names for each marker.
# Any other name gets its mark from its digest: a new selector needs no line here.
_SLOTS = {
    name: (colour, turn)
    for turn, names in enumerate(
        (
            ("k_center", "facility_location", "k_medoids", "margin", "density", "gais", "mig"),
            ("subset_search", "herding", "cnn", "enn_k_medoids", "enn", "all_knn", "ldis"),
            ("cdis", "drop3", "icf", "lss", "lsbo", "t_frex", "cdis_per_feature"),
            ("t_shirt", "dac", "bids", "quad", "longest", "ifd_top", "dac_iterative"),
            ("teach", "clean_k_medoids", "clean_random", "ccs", "el2n", "deita_filter", "mnlp"),
        )
    )
    for colour, name in enumerate(names)
}
_NAMED_TURNS = 5


@dataclass(frozen=True)
class Mark:
    """How one selector is drawn, the same in every figure and every report."""

    colour: str
    marker: str
    dash: tuple[int, tuple[float, ...]]


def mark_of(selector: str, theme: Theme = LIGHT) -> Mark:
    """Give a selector its colour, marker and dash: a function of its name alone."""
    if selector == RANDOM:
        return Mark(theme.ink, "o", _DASHES[0])
    if selector in _SLOTS:
        colour, turn = _SLOTS[selector]
    else:
        digest = int.from_bytes(hashlib.sha256(selector.encode()).digest()[:4], "big")
        left = len(_MARKERS) - _NAMED_TURNS
        colour = digest % len(theme.series)
        turn = _NAMED_TURNS + digest // len(theme.series) % left
    return Mark(theme.series[colour], _MARKERS[turn], _DASHES[turn])


def new_figure(width: float, height: float, scale: float, theme: Theme) -> Figure:
    """Make an empty figure of `width` x `height` inches, drawn at ``100 * scale`` dpi."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(
        figsize=(width, height),
        dpi=BASE_DPI * scale,
        layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12),
    )
    figure.set_facecolor(theme.paper)
    return figure


def dress(axes: Axes, theme: Theme, title: str, note: str = "", colour: str | None = None) -> None:
    """Set title (left, bold), note under it, spines, grid and tick colours of one axes."""
    from matplotlib.transforms import ScaledTranslation

    axes.set_facecolor(theme.paper)
    figure = axes.get_figure()
    assert figure is not None
    if note:
        lift = ScaledTranslation(0, 5 / 72, figure.dpi_scale_trans)
        axes.text(
            0, 1, note, transform=axes.transAxes + lift, fontsize=9, color=theme.muted, va="bottom"
        )
    axes.set_title(
        title, loc="left", fontsize=11.5, fontweight="bold", color=colour or theme.ink,
        pad=21 if note else 8,
    )  # fmt: skip
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(theme.muted)
        axes.spines[side].set_linewidth(0.8)
    axes.tick_params(colors=theme.muted, labelsize=9, length=3, width=0.8)
    axes.xaxis.label.set(color=theme.muted, fontsize=9.5)
    axes.yaxis.label.set(color=theme.muted, fontsize=9.5)
    axes.grid(visible=True, axis="y", color=theme.grid, linewidth=0.8)
    axes.set_axisbelow(True)


def head(figure: Figure, theme: Theme, title: str, note: str) -> None:
    """Set title and note of a figure of several panels, in the manner of `dress`."""
    figure.suptitle(
        f"{title}\n", x=0.012, ha="left", fontsize=11.5, fontweight="bold", color=theme.ink
    )
    down = 0.12 + 21 / 72
    figure.text(
        0.012, 1 - down / figure.get_figheight(), note, fontsize=9, color=theme.muted, va="top"
    )


def legend(axes: Axes, theme: Theme, **options: Any) -> None:
    """Put a frameless legend into or beside an axes."""
    options = {"frameon": False, "fontsize": 9, "labelcolor": theme.ink, **options}
    axes.legend(**options)


def to_png(figure: Figure) -> bytes:
    """Draw with Agg and encode with a palette of 256 colours: about a third of the bytes.

    Dithering is off, so flat colours stay flat. No time, path or program name goes in, so one
    figure always gives the same bytes; only its dpi, so that a page can show it in its size.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    image = image.quantize(colors=256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    out = BytesIO()
    image.save(out, format="PNG", optimize=True, dpi=(figure.dpi, figure.dpi))
    return out.getvalue()
