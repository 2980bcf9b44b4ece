"""The map of kept and dropped rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import DataError
from sluice.reports.fonts import lettering
from sluice.reports.style import LIGHT, Theme, dress, legend, new_figure, to_png

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def selection_map(
    xy: NDArray[np.float32],
    kept: NDArray[np.bool_],
    labels: NDArray[np.int64],
    class_names: Sequence[str],
    *,
    scale: float = 1.0,
    theme: Theme = LIGHT,
) -> bytes:
    """Draw every row on a flat map: kept rows in their class's colour, dropped rows pale.

    Parameters
    ----------
    xy : ndarray of float, shape (n, 2)
        For example from `project_2d`.
    kept : ndarray of bool, shape (n,)
    labels : ndarray of int64, shape (n,)
        Class of each row, an index into `class_names`.
    class_names : sequence of str
        With more classes than colours, the classes with most kept rows get the colours and the
        others share one grey (ours).
    scale : float
        1 draws 760 x 560 pixels.
    theme : Theme

    Raises
    ------
    DataError
        Where the lengths disagree.
    """
    n = len(xy)
    if xy.shape != (n, 2) or kept.shape != (n,) or labels.shape != (n,):
        raise DataError(
            f"selection_map: shapes {xy.shape}, {kept.shape}, {labels.shape} disagree; give "
            "(n, 2), (n,), (n,) for the same rows."
        )
    colours, groups = _class_colours(labels[kept], class_names, theme)
    figure = new_figure(7.6, 5.6, scale, theme)
    axes = figure.subplots()
    size = float(np.clip(24000 / max(n, 1), 4, 18))
    axes.scatter(*xy[~kept].T, s=size, c=theme.dropped, linewidths=0)
    # One fixed shuffle: drawn class by class, the last class would cover the others.
    order = np.random.default_rng(0).permutation(int(kept.sum()))
    axes.scatter(
        *xy[kept][order].T,
        s=2.2 * size,
        c=[colours[int(c)] for c in labels[kept][order]],
        linewidths=0.4, edgecolors=theme.paper,
    )  # fmt: skip
    share = f" ({kept.mean():.1%})" if n else ""
    dress(
        axes, theme, f"{int(kept.sum()):,} of {n:,} rows kept{share.replace('%', ' %')}",
        "first two principal components of the embeddings; near rows are similar",
    )  # fmt: skip
    axes.set_aspect("equal", adjustable="datalim")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    groups.append((f"dropped ({int((~kept).sum()):,})", theme.dropped))
    _swatches(axes, groups, theme, lettering(class_names).families)
    return to_png(figure)


def _class_colours(
    kept_labels: NDArray[np.int64], class_names: Sequence[str], theme: Theme
) -> tuple[dict[int, str], list[tuple[str, str]]]:
    """Colour of each class, and the legend's lines with the counts of kept rows."""
    counts = np.bincount(kept_labels, minlength=len(class_names))
    shown = list(range(len(counts)))
    if len(shown) > len(theme.series):
        largest = np.argsort(-counts, kind="stable")[: len(theme.series) - 1]
        shown = sorted(int(c) for c in largest)
    colours = dict.fromkeys(range(len(counts)), theme.muted)
    colours.update({c: theme.series[i] for i, c in enumerate(shown)})
    names = lettering(class_names).names
    groups = [(f"{names[c]} ({counts[c]:,})", colours[c]) for c in shown]
    if len(shown) < len(counts):
        rest = int(counts.sum() - counts[shown].sum())
        groups.append((f"{len(counts) - len(shown)} other classes ({rest:,})", theme.muted))
    return colours, groups


def _swatches(
    axes: Axes, groups: list[tuple[str, str]], theme: Theme, families: tuple[str, ...]
) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], linestyle="", marker="o", markersize=6, color=colour, label=str(place))
        for place, (_, colour) in enumerate(groups)
    ]
    legend(axes, theme, handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    made = axes.get_legend()
    assert made is not None
    # Given as a label, a name with an underscore in front would be left out.
    for text, (name, _) in zip(made.get_texts(), groups, strict=True):
        text.set(text=name, fontfamily=families)
