"""The rows of the greatest scores: what most strategies end with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sluice.subsets.contract import Picks


def top(scores: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Positions of the greatest scores, greatest first, ties by lower position.

    Parameters
    ----------
    scores : ndarray of float64, shape (n,)
    count : int
        From 1 to n.

    Returns
    -------
    ndarray of int64, shape (count,)

    Notes
    -----
    Cost n + b log b for b rows.
    """
    if count >= len(scores):
        return np.argsort(-scores, kind="stable")
    least = np.partition(scores, len(scores) - count)[len(scores) - count]
    above = np.flatnonzero(scores > least)
    tied = np.flatnonzero(scores == least)[: count - len(above)]
    chosen = np.sort(np.concatenate([above, tied]))
    return chosen[np.argsort(-scores[chosen], kind="stable")]


def top_picks(
    scores: NDArray[np.float64], budget: int, reason: Callable[[float, int], str]
) -> Picks:
    """Pick the rows of the greatest scores.

    Parameters
    ----------
    scores : ndarray of float64, shape (n,)
        Also the gains.
    budget : int
    reason : callable
        ``reason(score, position) -> sentence``; the rank is added.
    """
    positions = top(scores, budget)
    gains = scores[positions]
    places = zip(gains.tolist(), positions.tolist(), strict=True)
    reasons = [
        f"{reason(gain, position)}: number {rank} of {len(scores)}."
        for rank, (gain, position) in enumerate(places, start=1)
    ]
    return Picks(positions, gains, reasons)
