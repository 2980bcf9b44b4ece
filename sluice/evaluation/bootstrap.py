"""Bootstrap intervals of an accuracy or another mean, and of the difference of two on equal rows.

Percentile bootstrap over the test rows (Efron & Tibshirani 1993, chapter 13) and, where there are
several seeds, Student's distribution for their part: with s seeds, each resampled number gets an
error of t(s - 1) times the standard error of the seeds' own means. A bootstrap of a handful of
seeds covers too little, whatever it is stretched by: it knows no more spread than it has seen.

Ours: the two parts are added up, which counts what rows and seeds do together twice, and so is
mildly conservative; and the resampled row counts depend on (rows, resamples, seed) alone, so every
method is compared on the same draws. How often the intervals cover: `benchmarks/coverage.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError, DataError

_CHUNK_CELLS = 1 << 22
_CACHED_CELLS = 1 << 24


@dataclass(frozen=True)
class Interval:
    """A mean and its percentile bootstrap interval.

    Attributes
    ----------
    mean : float
        Of the rows themselves, not of the resamples.
    low, high : float
        Ends of the central interval.
    p : float
        Of a difference: the two-sided p-value of there being none, at least 2 over the number of
        resamples. 1 otherwise.
    """

    mean: float
    low: float
    high: float
    p: float = field(default=1.0, compare=False)


def accuracy_interval(
    correct: NDArray[np.bool_],
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Interval of the accuracy, averaged over seeds.

    Parameters
    ----------
    correct : ndarray of bool or float64, shape (n,) or (s, n)
        Whether each row was predicted rightly, by each of `s` seeds; or any number of each row
        whose mean is asked for, such as its log-likelihood.
    confidence : float
        Between 0 and 1.
    resamples : int
    seed : int
        Of the resampling.

    Returns
    -------
    Interval

    Raises
    ------
    DataError
        If there are no rows or no seeds, or the shape is neither (n,) nor (s, n).
    ConfigError
        If `confidence` or `resamples` is out of range.

    Notes
    -----
    O(resamples x (n + s x n)) time; memory bounded by a constant plus O(s x n).
    """
    a = _as_seeds(correct)
    check_options(confidence, resamples)
    draws = _resampled_means(a, resamples, seed, stream=1)
    if np.asarray(correct).dtype == np.bool_:
        # the error of the seeds has no ends: an accuracy has
        draws = draws.clip(0.0, 1.0)
    return interval_of(float(a.mean(dtype=np.float64)), draws, confidence)


def paired_difference(
    correct_a: NDArray[np.bool_],
    correct_b: NDArray[np.bool_],
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Interval of accuracy(a) - accuracy(b) on the same rows.

    Parameters
    ----------
    correct_a : ndarray of bool, shape (n,) or (s, n)
    correct_b : ndarray of bool, shape (n,) or (t, n)
        Same rows in the same order. The seeds of `a` and `b` are unrelated: each side has its own
        error of them, the rows are resampled together.
    confidence, resamples, seed
        As in `accuracy_interval`.

    Returns
    -------
    Interval
        Exactly zero throughout where every row's mean over seeds is the same on both sides and
        neither side's accuracy varies over its seeds.

    Raises
    ------
    DataError
        If the rows differ in number, or as in `accuracy_interval`.
    ConfigError
        As in `accuracy_interval`.
    """
    a, b = _as_seeds(correct_a), _as_seeds(correct_b)
    if a.shape[1] != b.shape[1]:
        raise DataError(
            f"A paired difference needs the same rows on both sides, got {a.shape[1]} and "
            f"{b.shape[1]}."
        )
    check_options(confidence, resamples)
    draws = _resampled_means(a, resamples, seed, stream=1)
    draws -= _resampled_means(b, resamples, seed, stream=2)
    if np.asarray(correct_a).dtype == np.asarray(correct_b).dtype == np.bool_:
        draws = draws.clip(-1.0, 1.0)
    mean = float(a.mean(dtype=np.float64)) - float(b.mean(dtype=np.float64))
    return interval_of(mean, draws, confidence, of_difference=True)


def _as_seeds(correct: NDArray[Any]) -> NDArray[np.floating]:
    cells = np.atleast_2d(np.asarray(correct))
    if cells.ndim != 2 or cells.size == 0:
        raise DataError(
            f"Expected correct of shape (rows,) or (seeds, rows), not empty, got {cells.shape}."
        )
    # Whether or not: counts, which float32 holds exactly.
    return cells.astype(np.float32 if cells.dtype == np.bool_ else np.float64)


def check_options(confidence: float, resamples: int) -> None:
    """Refuse a bootstrap that says nothing.

    Raises
    ------
    ConfigError
        If `confidence` or `resamples` is out of range.
    """
    if not 0 < confidence < 1 or resamples < 1:
        raise ConfigError(
            "A bootstrap needs confidence between 0 and 1 and at least one resample, got "
            f"{confidence} and {resamples}."
        )


def _resampled_means(
    cells: NDArray[np.floating], resamples: int, seed: int, stream: int
) -> NDArray[np.float64]:
    rows = cells.shape[1]
    # Sums of products of small whole numbers: exact in float32 below 2^24 draws, so the result
    # is the same in whatever order a BLAS adds.
    sums = np.concatenate([counts @ cells.T for counts in row_counts(rows, resamples, seed)])
    own = cells.mean(axis=1, dtype=np.float64)
    return over_seeds(sums.astype(np.float64) / rows, own, seed, stream)


def over_seeds(
    means: NDArray[np.float64], own: NDArray[np.float64], seed: int, stream: int
) -> NDArray[np.float64]:
    """Average resampled numbers over seeds, with Student's error of so few of them.

    Parameters
    ----------
    means : ndarray of float64, shape (resamples, s)
    own : ndarray of float64, shape (s,)
        The numbers of the rows as they are.
    seed : int
    stream : int
        The errors of either side of a difference are drawn by themselves.

    Returns
    -------
    ndarray of float64, shape (resamples,)
    """
    resamples, seeds = means.shape
    if seeds == 1:
        return means[:, 0]
    rng = np.random.default_rng([seed, stream, seeds])
    error = float(own.std(ddof=1)) / np.sqrt(seeds)
    return means.mean(axis=1) + error * rng.standard_t(seeds - 1, size=resamples)


def row_counts(rows: int, resamples: int, seed: int) -> Iterator[NDArray[np.float32]]:
    """Yield how often each resample draws each row, some resamples at a time."""
    step = max(1, _CHUNK_CELLS // rows)
    draw = _cached_counts if rows * resamples <= _CACHED_CELLS else _draw_counts
    for start in range(0, resamples, step):
        yield draw(rows, min(step, resamples - start), seed, start)


def _draw_counts(rows: int, resamples: int, seed: int, start: int) -> NDArray[np.float32]:
    rng = np.random.default_rng([seed, 0, rows, start])
    picks = rng.integers(rows, size=(resamples, rows), dtype=np.int64)
    picks += np.arange(resamples, dtype=np.int64)[:, None] * rows
    counts = np.bincount(picks.ravel(), minlength=resamples * rows)
    return counts.reshape(resamples, rows).astype(np.float32)


_cached_counts = lru_cache(maxsize=16)(_draw_counts)


def interval_of(
    mean: float, draws: NDArray[np.float64], confidence: float, *, of_difference: bool = False
) -> Interval:
    """Return the percentile interval of resampled numbers, with the mean that was found.

    Parameters
    ----------
    mean : float
    draws : ndarray of float64, shape (resamples,)
    confidence : float
    of_difference : bool
        Whether a p-value of 0 means anything.
    """
    tail = (1 - confidence) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    p = 1.0
    if of_difference:
        beyond = 1 + min(int((draws <= 0).sum()), int((draws >= 0).sum()))
        p = min(1.0, 2 * beyond / (len(draws) + 1))
    return Interval(mean, float(low), float(high), p)
