"""From cells to figures: retained accuracy, intervals over sets, tests, ranks.

The retained accuracy of a model on a set is its accuracy on the subset over its accuracy on all
rows of the same training fold, seeds averaged before and folds after the division. In means over
sets each (set, model) is capped at 100 %, so that sets that cleaning improves cannot hide others;
tests and ranks take the values without the cap, which would tie what differs. Methods are compared
on those (set, fold) alone on which every one of them was run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.tables.cells import read
from benchmarks.tables.methods import METHODS, version_of
from benchmarks.tables.protocol import CONSUMERS, OBJECTIVE, OUTSIDE

REFERENCE = "all_rows"
GROUPS = {"three": OBJECTIVE, "outside": OUTSIDE}
"""The models of the objective, and those that are in none."""

RESAMPLES = 9999


@dataclass(frozen=True)
class Mean:
    """A mean over sets with its 95 % bootstrap interval, in percent or points."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.1f} [{self.low:.1f}, {self.high:.1f}]"


def cells_of(datasets: Sequence[str], budget: float) -> pd.DataFrame:
    """Cells of one budget and those without a budget, of the present versions of the selectors.

    Returns
    -------
    DataFrame
        A row a cell: dataset, fold, method, seed, n, rows, ids, select_s, eval_s, error (missing
        where the cell was run), and per consumer ``acc:<family>`` and ``bal:<family>``.
    """
    versions = {name: version_of(method) for name, method in METHODS.items()}
    records: list[dict[str, object]] = []
    for key, outcome in read(list(datasets)):
        if key.budget not in (0.0, budget) or versions.get(key.method) != key.version:
            continue
        record = {"dataset": key.dataset, "fold": key.fold, "method": key.method, "seed": key.seed}
        for measure in ("acc", "bal"):
            values = outcome.pop(measure, [None] * len(CONSUMERS))
            record |= {f"{measure}:{f}": v for f, v in zip(CONSUMERS, values, strict=True)}
        records.append({"error": None} | record | outcome)
    frame = pd.DataFrame(records)
    # a cell that failed and was run again is there twice: the last line counts
    return frame.drop_duplicates(["dataset", "fold", "method", "seed"], keep="last")


def comparable(cells: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    """Cells of these methods on the (set, fold) that each of them has, failures left out."""
    wanted = list(dict.fromkeys([REFERENCE, *methods]))
    chosen = cells[cells["method"].isin(wanted) & cells["error"].isna()]
    there = chosen.groupby(["dataset", "fold"])["method"].nunique()
    complete = there[there == len(wanted)].index
    return chosen[pd.MultiIndex.from_frame(chosen[["dataset", "fold"]]).isin(complete)]


def means_by_fold(cells: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Accuracy (``measure="acc"``) or balanced accuracy (``"bal"``), seeds averaged.

    Returns
    -------
    DataFrame
        Rows (dataset, fold, model), a column a method; models that were not trained are left out.
    """
    columns = {f"{measure}:{family}": family for family in CONSUMERS}
    values = cells.groupby(["dataset", "fold", "method"])[list(columns)].mean()
    values = values.rename(columns=columns).rename_axis("model", axis=1)
    return values.astype(float).stack().unstack("method").dropna()


def retained(cells: pd.DataFrame, measure: str = "acc") -> pd.DataFrame:
    """Retained accuracy in percent, not capped: rows (dataset, model), a column a method."""
    folds = means_by_fold(cells, measure)
    shares = 100 * folds.div(folds[REFERENCE], axis=0)
    return shares.groupby(["dataset", "model"]).mean()


def points(cells: pd.DataFrame, model: str) -> pd.Series:
    """Accuracy less that of all rows, in points, mean over sets: an entry a method."""
    folds = means_by_fold(cells, "acc").xs(model, level="model")
    return 100 * folds.sub(folds[REFERENCE], axis=0).groupby("dataset").mean().mean()


def by_set(shares: pd.DataFrame, models: Sequence[str], *, capped: bool) -> pd.DataFrame:
    """Mean over models: a row a set, a column a method."""
    chosen = shares[shares.index.get_level_values("model").isin(models)]
    return (chosen.clip(upper=100) if capped else chosen).groupby("dataset").mean()


def mean_over_sets(values: NDArray[np.float64]) -> Mean:
    """Mean of one value a set with its 95 % bootstrap interval (BCa) over the sets."""
    from scipy.stats import bootstrap

    if len(values) < 2 or np.ptp(values) == 0:
        return Mean(float(values.mean()), float(values.min()), float(values.max()))
    outcome = bootstrap(
        (values,), np.mean, n_resamples=RESAMPLES, rng=np.random.default_rng(0), method="BCa"
    )
    ends = outcome.confidence_interval
    return Mean(float(values.mean()), float(ends.low), float(ends.high))


def wilcoxon_p(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Two-sided p of Wilcoxon's signed-rank test over sets; 1 where nothing differs."""
    from scipy.stats import wilcoxon

    difference = np.round(one - other, 9)  # what differs by rounding alone is a tie
    return float(wilcoxon(difference).pvalue) if difference.any() else 1.0


@dataclass(frozen=True)
class Ranks:
    """Average ranks over sets (1 is best), with the tests of Demsar (2006).

    Attributes
    ----------
    means : Series
        Average rank by method, best first.
    friedman_p : float
        Of the hypothesis that all methods are alike.
    critical_difference : float
        Ranks that differ by less are not told apart at 5 % (Nemenyi).
    sets : int
    """

    means: pd.Series
    friedman_p: float
    critical_difference: float
    sets: int


def ranks_of(values: pd.DataFrame) -> Ranks:
    """Rank methods on each set and test them.

    Nemenyi's critical difference is ``q / sqrt(2) * sqrt(k (k + 1) / (6 N))`` for k methods on N
    sets, q being the studentised range's 95 % quantile (Demsar, JMLR 7, 2006, section 3.2.2).

    Parameters
    ----------
    values : DataFrame
        A row a set, a column a method, more is better; at least three methods.
    """
    from scipy.stats import friedmanchisquare, studentized_range

    sets, methods = values.shape
    ranks = values.round(9).rank(axis=1, ascending=False)
    test = friedmanchisquare(*(values[name].round(9) for name in values))
    quantile = studentized_range.ppf(0.95, methods, np.inf) / np.sqrt(2)
    difference = quantile * np.sqrt(methods * (methods + 1) / (6 * sets))
    return Ranks(ranks.mean().sort_values(), float(test.pvalue), float(difference), sets)


def draw_ranks(ranks: Ranks, title: str, path: Path) -> None:
    """Draw a critical-difference diagram; bars join methods that are not told apart."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    names, means = list(ranks.means.index), ranks.means.to_numpy()
    figure, axes = plt.subplots(figsize=(8, 1.2 + 0.2 * len(names)))
    for row, (name, mean) in enumerate(zip(names, means, strict=True)):
        axes.plot(mean, row, "o", color="black", markersize=4)
        axes.annotate(f"{name}  {mean:.1f}", (mean, row), (8, -3), textcoords="offset points",
                      fontsize=8)  # fmt: skip
    for number, (first, last) in enumerate(cliques(means, ranks.critical_difference)):
        # each bar beside the dots that it joins, left of them
        axes.vlines(means[first] - 0.12 * (1 + number % 3), first, last, linewidth=2, alpha=0.6)
    axes.set_ylim(len(names) - 0.5, -0.7)
    axes.set_xlim(0.5, len(names) + 1.5)
    axes.set_yticks([])
    axes.set_xlabel("average rank over sets (1 is best)", fontsize=8)
    axes.set_title(
        f"{title}: {ranks.sets} sets, critical difference {ranks.critical_difference:.2f}, "
        f"Friedman p = {ranks.friedman_p:.1e}",
        fontsize=9,
    )
    axes.spines[["left", "right", "top"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=80, metadata={"Software": None})
    plt.close(figure)


def cliques(means: NDArray[np.float64], difference: float) -> list[tuple[int, int]]:
    """Longest runs of sorted ranks that lie within the critical difference: first and last."""
    runs: list[tuple[int, int]] = []
    for first in range(len(means)):
        last = int(np.searchsorted(means, means[first] + difference, side="right")) - 1
        if last > first and (not runs or last > runs[-1][1]):
            runs.append((first, last))
    return runs
