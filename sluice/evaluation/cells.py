"""What was measured on each subset, gathered by selector and budget over the seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import DataError


@dataclass(frozen=True)
class Evaluated:
    """Predictions of the head trained on one subset.

    Attributes
    ----------
    selector : str
        `ALL_ROWS` for the control that keeps every row; its budget is not read.
    budget : float
        A share of the rows, or a count: compared for equality only.
    seed : int
    predictions : mapping of split to ndarray of int64, shape (rows of the split,)
    """

    selector: str
    budget: float
    seed: int
    predictions: Mapping[str, NDArray[np.int64]]


@dataclass(frozen=True)
class Measured:
    """Numbers of the model trained on one subset, one a row and higher for better.

    Attributes
    ----------
    selector, budget, seed
        As in `Evaluated`.
    values : mapping of split to ndarray of float64, shape (rows of the split,)
        Such as the log-likelihood of each row.
    """

    selector: str
    budget: float
    seed: int
    values: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Cell:
    """One selector at one budget: its seeds, and by split one number a seed and row."""

    seeds: tuple[int, ...]
    correct: dict[str, NDArray[Any]]


Result = TypeVar("Result", Evaluated, Measured)


def _by_seed(results: Iterable[Result]) -> dict[tuple[str, float], dict[int, Result]]:
    grouped: dict[tuple[str, float], dict[int, Result]] = {}
    for result in results:
        seeds = grouped.setdefault((result.selector, result.budget), {})
        if result.seed in seeds:
            raise DataError(
                f"{result.selector} at budget {result.budget:g} came twice with seed {result.seed}."
            )
        seeds[result.seed] = result
    return grouped


def values_by_cell(results: Iterable[Measured]) -> dict[tuple[str, float], Cell]:
    """Gather numbers of rows by selector and budget.

    Raises
    ------
    DataError
        If rows differ in number from seed to seed, or a result comes twice.
    """
    cells: dict[tuple[str, float], Cell] = {}
    for key, seeds in _by_seed(results).items():
        order = sorted(seeds)
        splits = list(seeds[order[0]].values)
        stacked = {s: [np.asarray(seeds[i].values[s], np.float64) for i in order] for s in splits}
        for split, rows in stacked.items():
            if len({len(row) for row in rows}) > 1:
                raise DataError(
                    f"{key[0]} at budget {key[1]:g} has other rows of {split!r} from seed to seed. "
                    "Evaluate it again."
                )
        cells[key] = Cell(tuple(order), {s: np.stack(rows) for s, rows in stacked.items()})
    return cells


def correct_by_cell(
    results: Iterable[Evaluated], truth: Mapping[str, NDArray[np.integer]]
) -> dict[tuple[str, float], Cell]:
    """Gather which rows were predicted rightly, by selector and budget.

    Raises
    ------
    DataError
        If a split's predictions are missing or of another length, or a result comes twice.
    """
    grouped = _by_seed(results)
    return {
        key: Cell(
            tuple(sorted(seeds)),
            {s: _correct([seeds[i] for i in sorted(seeds)], s, y) for s, y in truth.items()},
        )
        for key, seeds in grouped.items()
    }


def _correct(
    results: Sequence[Evaluated], split: str, truth: NDArray[np.integer]
) -> NDArray[np.bool_]:
    for result in results:
        rows = len(result.predictions.get(split, ()))
        if rows != len(truth):
            raise DataError(
                f"{result.selector} at budget {result.budget:g}, seed {result.seed}, has {rows} "
                f"predictions on {split!r}, which has {len(truth)} rows. Evaluate it again."
            )
    return np.stack([result.predictions[split] == truth for result in results])
