"""Metrics: how the outcomes of held-out rows become one number, and the interval of it.

An outcome is what one model did on one held-out row: a few numbers, such as the class that it gave
and the right one. A metric says which it is computed from, how, and which way is better.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import DataError
from sluice.evaluation.bootstrap import (
    Interval,
    accuracy_interval,
    check_options,
    interval_of,
    over_seeds,
    paired_difference,
    row_counts,
)

Outcomes = NDArray[np.float64]
"""Shape (n, k): k numbers of each held-out row, in order of id."""


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are computed, see `sluice.evaluation.bootstrap`."""

    confidence: float = 0.95
    resamples: int = 2000
    seed: int = 0


@dataclass(frozen=True)
class Metric:
    """How outcomes become one number.

    Attributes
    ----------
    name : str
        As it is stored and logged, such as ``"accuracy"``.
    label : str
        For people, such as ``"loss in nats a token"``.
    outcome : str
        Kind of outcome that it is computed from.
    lower : bool
        Whether less is better.
    """

    name: str
    label: str
    outcome: str
    lower: bool = False

    def value(self, outcomes: Outcomes) -> float:
        """Return the metric of one model."""
        raise NotImplementedError

    def better(self, difference: Interval) -> bool:
        """Whether the whole interval of a difference lies on the better side of 0."""
        return difference.high < 0 if self.lower else difference.low > 0


@dataclass(frozen=True)
class Measure(Metric):
    """A number that is only reported, such as macro-F1: it decides nothing and has no interval.

    Attributes
    ----------
    of : callable
        Takes outcomes of shape (n, k) and returns the number.
    """

    of: Callable[[Outcomes], float] = lambda outcomes: float(outcomes.mean())

    def value(self, outcomes: Outcomes) -> float:
        """Return the number of one model."""
        return self.of(outcomes)


@dataclass(frozen=True)
class Compared(Metric):
    """A metric that models are compared by: its intervals and differences, over rows and seeds."""

    def worth(self, seeds: Sequence[Outcomes]) -> Fraction:
        """Return the mean over seeds, exactly, higher being better: equal ones must tie."""
        raise NotImplementedError

    def interval(self, seeds: Sequence[Outcomes], options: Bootstrap) -> Interval:
        """Return the interval of the mean over seeds.

        Parameters
        ----------
        seeds : sequence of ndarray of float64, each of shape (n, k)
        options : Bootstrap
        """
        raise NotImplementedError

    def difference(
        self, a: Sequence[Outcomes], b: Sequence[Outcomes], options: Bootstrap
    ) -> Interval:
        """Return the interval of a minus b on the same rows: rows resampled together, seeds apart.

        Raises
        ------
        DataError
            The rows differ in number.
        """
        raise NotImplementedError


def first_number(outcomes: Outcomes) -> NDArray[Any]:
    """Return the first number of each row."""
    return outcomes[:, 0]


@dataclass(frozen=True)
class Mean(Compared):
    """The mean of one number a row: whether it was right, or a loss.

    Attributes
    ----------
    rows : callable
        Takes outcomes of shape (n, k) and returns an array of shape (n,): of bool for a share.
    """

    rows: Callable[[Outcomes], NDArray[Any]] = first_number

    def value(self, outcomes: Outcomes) -> float:
        """Return the mean over the rows."""
        return float(self.rows(outcomes).mean())

    def worth(self, seeds: Sequence[Outcomes]) -> Fraction:
        """Return the mean, exactly where it is a share."""
        values = self._stacked(seeds)
        if values.dtype == np.bool_:
            return Fraction(int(values.sum()), values.size)
        return Fraction(float(values.mean()))

    def interval(self, seeds: Sequence[Outcomes], options: Bootstrap) -> Interval:
        """Return the interval of the mean."""
        return self._turned(accuracy_interval(self._stacked(seeds), **vars(options)))

    def difference(
        self, a: Sequence[Outcomes], b: Sequence[Outcomes], options: Bootstrap
    ) -> Interval:
        """Return the interval of the difference of two means."""
        return self._turned(paired_difference(self._stacked(a), self._stacked(b), **vars(options)))

    def _stacked(self, seeds: Sequence[Outcomes]) -> NDArray[Any]:
        values = np.stack([self.rows(outcomes) for outcomes in seeds])
        return -values if self.lower else values

    def _turned(self, found: Interval) -> Interval:
        return (
            replace(found, mean=-found.mean, low=-found.high, high=-found.low)
            if self.lower
            else found
        )


@dataclass(frozen=True)
class FOfCounts(Compared):
    """F-beta of counts right, predicted and true: a ratio of sums over rows, and no mean of them.

    As in `sluice.evaluation.bootstrap`, on the same draws of rows; of each resample the counts are
    added up before they are divided.

    Attributes
    ----------
    beta : float
    """

    beta: float = 1.0

    def value(self, outcomes: Outcomes) -> float:
        """Return F-beta of the added counts."""
        return float(f_of_sums(outcomes.sum(axis=0), self.beta))

    def worth(self, seeds: Sequence[Outcomes]) -> Fraction:
        """Return the mean of F-beta over seeds."""
        sums = np.stack(seeds).sum(axis=1, dtype=np.float64)
        return Fraction(float(f_of_sums(sums, self.beta).mean()))

    def interval(self, seeds: Sequence[Outcomes], options: Bootstrap) -> Interval:
        """Return the interval of F-beta, averaged over seeds."""
        check_options(options.confidence, options.resamples)
        counts = np.stack(seeds)
        return interval_of(self._mean(counts), self._draws(counts, options, 1), options.confidence)

    def difference(
        self, a: Sequence[Outcomes], b: Sequence[Outcomes], options: Bootstrap
    ) -> Interval:
        """Return the interval of F-beta(a) minus F-beta(b)."""
        check_options(options.confidence, options.resamples)
        left, right = np.stack(a), np.stack(b)
        if left.shape[1] != right.shape[1]:
            raise DataError(
                f"A paired difference needs the same rows on both sides, got {left.shape[1]} and "
                f"{right.shape[1]}."
            )
        draws = self._draws(left, options, 1) - self._draws(right, options, 2)
        mean = self._mean(left) - self._mean(right)
        return interval_of(mean, draws, options.confidence, of_difference=True)

    def _mean(self, counts: NDArray[np.float64]) -> float:
        return float(f_of_sums(counts.sum(axis=1, dtype=np.float64), self.beta).mean())

    def _draws(
        self, counts: NDArray[np.float64], options: Bootstrap, stream: int
    ) -> NDArray[np.float64]:
        seeds, rows, _ = counts.shape
        # Small whole numbers: exact in float32, so that no order of adding matters.
        flat = np.moveaxis(counts, 1, 0).reshape(rows, -1).astype(np.float32)
        parts = [drawn @ flat for drawn in row_counts(rows, options.resamples, options.seed)]
        sums = np.concatenate(parts).astype(np.float64).reshape(-1, seeds, 3)
        own = f_of_sums(counts.sum(axis=1, dtype=np.float64), self.beta)
        return over_seeds(f_of_sums(sums, self.beta), own, options.seed, stream)


def f_of_sums(sums: NDArray[np.float64], beta: float = 1.0) -> NDArray[np.float64]:
    """F-beta of counts right, predicted and true, in the last axis; 0 where nothing is right.

    ``(1 + b^2) P R / (b^2 P + R)`` with P = right / predicted and R = right / true, which is
    ``(1 + b^2) right / (b^2 true + predicted)``.
    """
    right, said, true = np.moveaxis(sums, -1, 0)
    return (1 + beta**2) * right / np.maximum(beta**2 * true + said, 1e-300)


CLASSES = "classes"
"""Kind of outcome of classifiers: the code of the class that was given, and that of the right one.

-1 stands for a class that is not among the present ones.
"""


def macro_f1(truth: NDArray[np.integer], predicted: NDArray[np.integer], n_classes: int) -> float:
    """Mean over classes of ``2 tp / (2 tp + fp + fn)``.

    Parameters
    ----------
    truth, predicted : ndarray of int, shape (n,)
        0 to ``n_classes - 1``.
    n_classes : int

    Returns
    -------
    float
        Over the classes that occur in either array.
    """
    right = np.bincount(truth[truth == predicted], minlength=n_classes)
    both = np.bincount(truth, minlength=n_classes) + np.bincount(predicted, minlength=n_classes)
    present = both > 0
    return float(np.mean(2.0 * right[present] / both[present]))


def _right(outcomes: Outcomes) -> NDArray[np.bool_]:
    return outcomes[:, 0] == outcomes[:, 1]


def _macro_f1(outcomes: Outcomes) -> float:
    predicted, truth = outcomes.astype(np.int64).T + 1
    return macro_f1(truth, predicted, int(outcomes.max()) + 2)


ACCURACY = Mean("accuracy", "accuracy", CLASSES, rows=_right)
MACRO_F1 = Measure("macro_f1", "macro-F1", CLASSES, of=_macro_f1)
