"""Fill the grid of cells (table, fold, method, budget, seed); a rerun does only what is missing.

``python -m benchmarks.tables.grid --budgets 0.04 --methods all_rows random_stratified --jobs 2``

Without options: every method that the registry has, on every table, at 4 %, then 2, 10 and 1 %.
Cells are ordered so that an interrupted grid is still useful: by budget, small tables before
large ones, fold by fold over all tables. ``--plan`` prints what would be run and stops.
Tables above 8,000 rows get one fold, and only the methods that are not n-squared. A selector that
has not been given its final version is tried in a folder apart: ``SLUICE_TABLES_CELLS=/tmp/cells``.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import groupby
from typing import Any

from benchmarks.tables.cells import Key, append, read
from benchmarks.tables.data import ROWS
from benchmarks.tables.halves import HALVES, SMALL
from benchmarks.tables.methods import METHODS, digest, kept, version_of
from benchmarks.tables.protocol import FOLDS, budget_of, fold_of, measure

BUDGETS = (0.04, 0.02, 0.1, 0.01)
"""In the order of work."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--datasets", nargs="+", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("--half", choices=list(HALVES), help="only the tables of this half")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--budgets", nargs="+", type=float, default=list(BUDGETS))
    parser.add_argument("--folds", nargs="+", type=int, default=list(range(FOLDS)))
    parser.add_argument("--max-rows", type=int, help="leave out tables above so many rows")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--minutes", type=float, help="start no group of cells after so long")
    parser.add_argument("--plan", action="store_true", help="print what is missing and stop")
    parser.add_argument("--retry", action="store_true", help="run failed cells again")
    return parser.parse_args()


def planned(options: argparse.Namespace) -> list[Key]:
    """Missing cells in the order of work; a method that the registry lacks is named, left out."""
    versions = {name: version_of(METHODS[name]) for name in options.methods}
    absent = [name for name, version in versions.items() if version is None]
    if absent:
        print(f"not in the registry (yet): {', '.join(absent)}")
    done = {
        key for key, outcome in read(options.datasets) if not (options.retry and "error" in outcome)
    }
    wanted = [key for key in _cells(options, versions) if key not in done]

    def order(key: Key) -> tuple[int, bool, int, int, str, int]:
        # without a budget, such as all rows, or with all budgets at once: with the first budget
        together = not key.budget or METHODS[key.method].trains
        first = 0 if together else options.budgets.index(key.budget)
        rows = ROWS[key.dataset]
        return first, rows > SMALL, key.fold, rows, key.dataset, options.methods.index(key.method)

    return sorted(wanted, key=order)


def _cells(options: argparse.Namespace, versions: dict[str, str | None]) -> Iterator[Key]:
    for dataset in options.datasets:
        large = ROWS[dataset] > SMALL
        if options.half and dataset not in HALVES[options.half]:
            continue
        if options.max_rows and ROWS[dataset] > options.max_rows:
            continue
        for name, version in versions.items():
            method = METHODS[name]
            if version is None or (large and not method.scales):
                continue
            free = method.own_size or not method.selector
            for fold in options.folds[:1] if large else options.folds:
                for budget in (0.0,) if free else options.budgets:
                    for seed in range(method.seeds):
                        yield Key(dataset, fold, name, budget, seed, version)


def expected_hours(keys: list[Key]) -> dict[str, float]:
    """CPU hours by method, from the cells there are.

    A cell is taken to last as long as the mean of its method on its table (any budget) or, where
    there is none yet, as the evaluation of any subset there: then too short.
    """
    spent: dict[tuple[str, str], list[float]] = defaultdict(list)
    for key, outcome in read():
        if "error" not in outcome:
            spent[key.dataset, key.method].append(outcome["select_s"] + outcome["eval_s"])
            if key.budget:
                spent[key.dataset, ""].append(outcome["eval_s"])
    hours: dict[str, float] = defaultdict(float)
    for key in keys:
        known = spent.get((key.dataset, key.method)) or spent.get((key.dataset, "")) or [0.0]
        hours[key.method] += sum(known) / len(known) / 3600
    return dict(hours)


def run_cells(keys: list[Key]) -> tuple[int, int]:
    """Run cells of one fold and write each when it is done; return how many ran and failed."""
    failed = 0
    for key in keys:
        fold = fold_of(key.dataset, key.fold)
        facts: dict[str, Any] = {"n": len(fold.ids)}
        try:
            method = METHODS[key.method]
            subset = kept(fold, method, budget_of(fold, key.budget), key.seed)
            positions = subset.pop("positions")
            facts |= {} if method.selector else {"d": fold.train.shape[1]}
            facts |= {"rows": len(positions), "ids": digest(fold.ids[positions])}
            append(key, facts | subset | measure(fold, positions))
        except Exception as error:  # the grid goes on; the table of results shows the failure
            failed += 1
            append(key, facts | {"error": f"{type(error).__name__}: {error}"[:300]})
    return len(keys), failed


def main() -> None:
    import benchmarks.side_by_side  # noqa: F401  (one thread, for the processes started below)

    options = arguments()
    keys = planned(options)
    groups = [list(group) for _, group in groupby(keys, lambda key: (key.dataset, key.fold))]
    print(f"{len(keys)} cells to run in {len(groups)} groups of one table and fold")
    if options.plan:
        for group in groups:
            names = sorted({key.method for key in group}, key=options.methods.index)
            print(f"  {group[0].dataset} fold {group[0].fold}: {len(group)} of {', '.join(names)}")
        hours = expected_hours(keys)
        for name, each in hours.items():
            print(f"{name}: {sum(key.method == name for key in keys)} cells, {each:.2f} CPU hours")
        print(f"{sum(hours.values()):.2f} CPU hours, as far as earlier cells tell")
        return
    began, done, failed = time.time(), 0, 0
    limit = began + 60 * options.minutes if options.minutes else float("inf")
    spawn = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
    with ProcessPoolExecutor(options.jobs, mp_context=spawn) as workers:
        waiting = iter(groups)
        futures = {
            workers.submit(run_cells, group): group for group in _take(waiting, options.jobs)
        }
        while futures:
            finished = next(as_completed(futures))
            group = futures.pop(finished)
            ran, wrong = finished.result()
            done, failed = done + ran, failed + wrong
            spent = time.time() - began
            print(
                f"{done}/{len(keys)} cells, {failed} failed, {spent / 60:.1f} min: "
                f"{group[0].dataset} fold {group[0].fold}, up to budget {group[-1].budget}",
                flush=True,
            )
            if time.time() < limit:
                futures |= {workers.submit(run_cells, g): g for g in _take(waiting, 1)}


def _take(groups: Iterator[list[Key]], count: int) -> list[list[Key]]:
    return [group for _, group in zip(range(count), groups, strict=False)]


if __name__ == "__main__":
    main()
