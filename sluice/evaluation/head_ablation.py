"""What each attention head is worth to the network that has it: silence it and look.

The measures are those of DARTS-GT's analysis: head deviation, Specialization and Focus. A head
that gets much attention need not be one that matters, so this is asked and not assumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sluice.evaluation.bootstrap import Interval, paired_difference
from sluice.scores.graph_attention.gat_result import GatResult

TOP = 5
"""Heads that Focus compares."""


@dataclass(frozen=True)
class Head:
    """One head.

    Attributes
    ----------
    layer, head : int
        From 0.
    error : Interval
        Out-of-fold error without it less the error with it; above 0 for a head that helps.
    cross_entropy : float
        The same of the mean cross-entropy, in nats.
    """

    layer: int
    head: int
    error: Interval
    cross_entropy: float


@dataclass(frozen=True)
class HeadValue:
    """All heads of the networks together.

    Attributes
    ----------
    heads : tuple of Head
    specialization : float
        Spread of the heads' deviations, in units of the error, of `specialization`.
    relative_specialization : float
        The same divided by the whole network's error; 0 where that is 0.
    focus : float
        Of `focus`.
    focus_by_chance : float
        What random sets of that size give.
    """

    heads: tuple[Head, ...]
    specialization: float
    relative_specialization: float
    focus: float
    focus_by_chance: float


def head_value(result: GatResult, *, seed: int = 0) -> HeadValue | None:
    """Summarise the ablations of trained networks.

    Parameters
    ----------
    result : GatResult
        Of ``gat_result(..., ablate=True)``.
    seed : int
        Of the resampling of rows.

    Returns
    -------
    HeadValue or None
        None where no head was silenced.
    """
    if not result.ablations:
        return None
    whole = result.right()
    heads = tuple(
        Head(
            one.layer,
            one.head,
            paired_difference(whole, one.right, seed=seed),
            one.cross_entropy,
        )
        for one in result.ablations
    )
    deviations = np.array([one.error for one in result.ablations])
    received = [result.received[one.layer][one.head] for one in result.ablations]
    spread, error = specialization(deviations), 1.0 - result.accuracy
    # two random sets of a tenth share a tenth of each: 0.1 / 1.9
    size = _top_rows(len(result.ids)) / len(result.ids)
    return HeadValue(
        heads,
        spread,
        spread / error if error > 0 else 0.0,
        focus(deviations, received),
        size / (2 - size),
    )


def specialization(deviations: NDArray[np.float64]) -> float:
    """Population standard deviation of the heads' deviations.

    Parameters
    ----------
    deviations : ndarray of float64, shape (heads,)
        Error without each head less the error with it.
    """
    return float(np.std(deviations))


def focus(deviations: NDArray[np.float64], received: Sequence[NDArray[np.float64]]) -> float:
    """Mean Jaccard index of the rows that the most useful heads look at.

    The `TOP` heads by deviation, exact zeros skipped; of each the ``max(1, n // 10)`` rows with
    the most attention, ties by position.

    Parameters
    ----------
    deviations : ndarray of float64, shape (heads,)
    received : sequence of ndarray of float64, shape (n,)
        Attention received, one array a head.

    Returns
    -------
    float
        From 0 to 1; 0 where fewer than two heads are left.
    """
    order = np.argsort(-deviations, kind="stable")
    chosen = [head for head in order.tolist() if deviations[head] != 0][:TOP]
    sets = [
        set(np.argsort(-received[head], kind="stable")[: _top_rows(len(received[head]))].tolist())
        for head in chosen
    ]
    pairs = [(a, b) for place, a in enumerate(sets) for b in sets[:place]]
    return float(np.mean([len(a & b) / len(a | b) for a, b in pairs])) if pairs else 0.0


def _top_rows(n: int) -> int:
    return max(1, n // 10)
