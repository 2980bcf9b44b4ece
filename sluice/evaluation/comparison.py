"""Which selectors beat random, at which budget, and which subset to train the model on.

Validation decides, test is only reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import DataError
from sluice.evaluation.bootstrap import Interval, accuracy_interval, paired_difference
from sluice.evaluation.cells import Cell, Evaluated, Measured, correct_by_cell, values_by_cell

RANDOM = "random_stratified"
ALL_ROWS = "all_rows"


@dataclass(frozen=True)
class Comparison:
    """One selector at one budget.

    Attributes
    ----------
    selector : str
    budget : float
    seeds : tuple of int
    accuracy : mapping of split to Interval
        Mean over seeds.
    against_random : mapping of split to Interval
        Accuracy minus that of `RANDOM` at the same budget, on the same rows; empty where there
        is no such control, and for the control itself.
    against_all : mapping of split to Interval
        Accuracy minus that of `ALL_ROWS`.
    """

    selector: str
    budget: float
    seeds: tuple[int, ...]
    accuracy: Mapping[str, Interval]
    against_random: Mapping[str, Interval]
    against_all: Mapping[str, Interval]

    def beats_random_on(self, split: str) -> bool:
        """Whether the whole interval of the gain over random lies above 0 on a split."""
        return split in self.against_random and self.against_random[split].low > 0

    @property
    def beats_random(self) -> bool:
        """Whether it beats random on test, the split that decided nothing."""
        return self.beats_random_on("test")


@dataclass(frozen=True)
class Choice:
    """The subset to train the model on.

    Attributes
    ----------
    selector : str
    budget : float
    seed : int
    mean_accuracy : float
        Validation accuracy of the selector, averaged over its seeds.
    seed_accuracy : float
        Validation accuracy of the chosen seed.
    """

    selector: str
    budget: float
    seed: int
    mean_accuracy: float
    seed_accuracy: float


def summarise(
    results: Iterable[Evaluated],
    truth: Mapping[str, NDArray[np.integer]],
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> list[Comparison]:
    """Compare every selector at every budget with random and with all rows.

    Parameters
    ----------
    results : iterable of Evaluated
    truth : mapping of split to ndarray of int, shape (rows of the split,)
        The splits to compare on, usually ``validation`` and ``test``.
    confidence, resamples, seed
        As in `sluice.evaluation.bootstrap.accuracy_interval`.

    Returns
    -------
    list of Comparison
        Sorted by budget, then selector; `ALL_ROWS` last.

    Raises
    ------
    DataError
        If a split's predictions are missing or of another length, or a (selector, budget, seed)
        comes twice.
    """
    return summary_of(correct_by_cell(results, truth), _Bootstrap(confidence, resamples, seed))


def summarise_values(
    results: Iterable[Measured],
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> list[Comparison]:
    """Compare as `summarise` does, by the mean of a number of each row instead of an accuracy.

    Parameters
    ----------
    results : iterable of Measured
    confidence, resamples, seed
        As in `sluice.evaluation.bootstrap.accuracy_interval`.

    Returns
    -------
    list of Comparison
        Its fields of accuracy hold the mean.

    Raises
    ------
    DataError
        If rows differ in number, or a (selector, budget, seed) comes twice.
    """
    return summary_of(values_by_cell(results), _Bootstrap(confidence, resamples, seed))


class Resampling(Protocol):
    """How the numbers of a cell become an interval."""

    def accuracy(self, correct: NDArray[Any]) -> Interval:
        """Return the interval of one cell."""
        ...

    def difference(self, a: NDArray[Any], b: NDArray[Any]) -> Interval:
        """Return the interval of the difference of two cells, on the same rows."""
        ...


def summary_of(cells: dict[tuple[str, float], Cell], options: Resampling) -> list[Comparison]:
    """Compare every cell with random at its budget and with all rows."""
    everything = next((c for (name, _), c in cells.items() if name == ALL_ROWS), None)
    table: list[Comparison] = []
    for (name, budget), cell in sorted(cells.items(), key=_report_order):
        control = None if name in (RANDOM, ALL_ROWS) else cells.get((RANDOM, budget))
        full = None if name == ALL_ROWS else everything
        table.append(
            Comparison(
                selector=name,
                budget=budget,
                seeds=cell.seeds,
                accuracy={s: options.accuracy(c) for s, c in cell.correct.items()},
                against_random=_differences(cell, control, options),
                against_all=_differences(cell, full, options),
            )
        )
    return table


def choose_subset(
    results: Iterable[Evaluated],
    truth: NDArray[np.integer],
    budget: float,
    *,
    split: str = "validation",
) -> Choice:
    """Pick the subset for the final model at one budget.

    Parameters
    ----------
    results : iterable of Evaluated
    truth : ndarray of int, shape (n,)
        Labels of `split`.
    budget : float
    split : str

    Returns
    -------
    Choice
        Of the selector with the best validation accuracy on average over its seeds, the seed
        with the best. Ties go to the lower name, then the lower seed. `ALL_ROWS` is no subset
        and cannot be chosen; `RANDOM` can.

    Raises
    ------
    DataError
        If there is no result at that budget.

    Notes
    -----
    Ours: the mean, because the best single draw of a stochastic method is partly luck, and would
    win the more often the more seeds the method was given.
    """
    at_budget = [r for r in results if r.budget == budget and r.selector != ALL_ROWS]
    return choice_of(correct_by_cell(at_budget, {split: truth}), budget, split)


def choose_by_values(
    results: Iterable[Measured], budget: float, *, split: str = "validation"
) -> Choice:
    """Pick as `choose_subset` does, by the mean of a number of each row."""
    at_budget = [r for r in results if r.budget == budget and r.selector != ALL_ROWS]
    return choice_of(values_by_cell(at_budget), budget, split)


def choice_of(
    cells: dict[tuple[str, float], Cell],
    budget: float,
    split: str,
    worth: Callable[[NDArray[Any]], Fraction] | None = None,
) -> Choice:
    """Pick among cells of one budget, see `choose_subset`.

    Parameters
    ----------
    cells : dict of (str, float) to Cell
    budget : float
    split : str
    worth : callable, optional
        Of the numbers of some seeds, or of one; without it their mean.
    """
    mean = worth or _mean
    if not cells:
        raise DataError(
            f"No subset was evaluated at budget {budget:g}. Evaluate one, or choose another budget."
        )
    # Fractions: equal accuracies must tie, whatever the number of seeds.
    means = {name: mean(cell.correct[split]) for (name, _), cell in cells.items()}
    winner = min(means, key=lambda name: (-means[name], name))
    cell = cells[winner, budget]
    by_seed = [mean(row) for row in cell.correct[split]]
    best = min(range(len(by_seed)), key=lambda i: (-by_seed[i], cell.seeds[i]))
    return Choice(winner, budget, cell.seeds[best], float(means[winner]), float(by_seed[best]))


@dataclass(frozen=True)
class _Bootstrap:
    confidence: float
    resamples: int
    seed: int

    def accuracy(self, correct: NDArray[Any]) -> Interval:
        return accuracy_interval(
            correct, confidence=self.confidence, resamples=self.resamples, seed=self.seed
        )

    def difference(self, a: NDArray[Any], b: NDArray[Any]) -> Interval:
        return paired_difference(
            a, b, confidence=self.confidence, resamples=self.resamples, seed=self.seed
        )


def _differences(cell: Cell, other: Cell | None, options: Resampling) -> dict[str, Interval]:
    if other is None:
        return {}
    return {s: options.difference(c, other.correct[s]) for s, c in cell.correct.items()}


def _report_order(item: tuple[tuple[str, float], Cell]) -> tuple[bool, float, str]:
    (name, budget), _ = item
    return name == ALL_ROWS, budget, name


def _mean(correct: NDArray[Any]) -> Fraction:
    if correct.dtype != np.bool_:
        return Fraction(float(correct.mean()))
    return Fraction(int(correct.sum()), correct.size)
