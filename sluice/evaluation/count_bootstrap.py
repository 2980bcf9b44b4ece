"""Methods compared by an F-score of counts: a ratio of sums over rows, and no mean of them.

Percentile bootstrap over rows and seeds, on the same draws of rows as
`sluice.evaluation.bootstrap`; of each resample the counts are added up before they are divided.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import DataError
from sluice.evaluation.bootstrap import (
    Interval,
    check_options,
    interval_of,
    over_seeds,
    row_counts,
)
from sluice.evaluation.cells import Measured, values_by_cell
from sluice.evaluation.comparison import (
    ALL_ROWS,
    Choice,
    Comparison,
    choice_of,
    summary_of,
)


def f_of_sums(sums: NDArray[np.float64], beta: float = 1.0) -> NDArray[np.float64]:
    """F-beta of counts right, predicted and true, in the last axis; 0 where nothing is right.

    ``(1 + b^2) P R / (b^2 P + R)`` with P = right / predicted and R = right / true, which is
    ``(1 + b^2) right / (b^2 true + predicted)``.
    """
    right, said, true = np.moveaxis(sums, -1, 0)
    return (1 + beta**2) * right / np.maximum(beta**2 * true + said, 1e-300)


@dataclass(frozen=True)
class CountBootstrap:
    """Intervals of the F-beta of counts.

    Attributes
    ----------
    beta, confidence : float
    resamples, seed : int
    """

    beta: float = 1.0
    confidence: float = 0.95
    resamples: int = 2000
    seed: int = 0

    def accuracy(self, correct: NDArray[Any]) -> Interval:
        """Interval of F-beta, averaged over seeds.

        Parameters
        ----------
        correct : ndarray, shape (s, n, 3)
            Right, predicted and true of each row, by each of `s` seeds.
        """
        check_options(self.confidence, self.resamples)
        return interval_of(self._mean(correct), self._draws(correct, 1), self.confidence)

    def difference(self, a: NDArray[Any], b: NDArray[Any]) -> Interval:
        """Interval of F-beta(a) - F-beta(b) on the same rows: resampled together, seeds apart.

        Raises
        ------
        DataError
            The rows differ in number.
        """
        check_options(self.confidence, self.resamples)
        if a.shape[1] != b.shape[1]:
            raise DataError(
                f"A paired difference needs the same rows on both sides, got {a.shape[1]} and "
                f"{b.shape[1]}."
            )
        draws = self._draws(a, 1) - self._draws(b, 2)
        return interval_of(self._mean(a) - self._mean(b), draws, self.confidence)

    def _mean(self, counts: NDArray[Any]) -> float:
        return float(f_of_sums(counts.sum(axis=1, dtype=np.float64), self.beta).mean())

    def _draws(self, counts: NDArray[Any], stream: int) -> NDArray[np.float64]:
        seeds, rows, _ = counts.shape
        # Small whole numbers: exact in float32, so that no order of adding matters.
        flat = np.moveaxis(counts, 1, 0).reshape(rows, -1).astype(np.float32)
        parts = [drawn @ flat for drawn in row_counts(rows, self.resamples, self.seed)]
        sums = np.concatenate(parts).astype(np.float64).reshape(-1, seeds, 3)
        return over_seeds(f_of_sums(sums, self.beta), self.seed, stream)


def summarise_counts(results: Iterable[Measured], options: CountBootstrap) -> list[Comparison]:
    """Compare every selector at every budget with random and with all rows, by F-beta.

    Parameters
    ----------
    results : iterable of Measured
        Values of shape (n, 3): right, predicted and true of each row.
    options : CountBootstrap

    Returns
    -------
    list of Comparison
        See `sluice.evaluation.comparison.summarise`; its fields of accuracy hold F-beta.

    Raises
    ------
    DataError
        If rows differ in number, or a (selector, budget, seed) comes twice.
    """
    return summary_of(values_by_cell(results), options)


def choose_by_counts(
    results: Iterable[Measured], budget: float, *, split: str = "validation"
) -> Choice:
    """Pick as `sluice.evaluation.comparison.choose_subset` does, by F1 of counts."""
    at_budget = [r for r in results if r.budget == budget and r.selector != ALL_ROWS]
    return choice_of(values_by_cell(at_budget), budget, split, _worth)


def _worth(counts: NDArray[Any]) -> Fraction:
    sums = np.atleast_2d(counts.sum(axis=-2, dtype=np.float64))
    return Fraction(float(f_of_sums(sums).mean()))
