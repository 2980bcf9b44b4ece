"""Swaps by influence: towards the subset whose head fits all rows best.

Ours. The benefit of a row is its influence on the loss (Koh and Liang, arXiv 1703.04730): near
relatives are machine teaching (Zhu, AAAI 2015) and group influence (Koh and others, arXiv
1905.13289).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sluice.heads.temperature import best_scale, cross_entropy, softmax
from sluice.subsets.teach.exact_head import ExactHead, fit_exact

BANNED = -1e9
GAIN = 1e-6
"""By how much the loss has to fall for a swap to count."""
RTOL = 3e-2
"""Of the inverse Hessian times the gradient of the loss."""
PATIENCE = 4
"""Least swaps in a row that may fail, each without the rows that the last one tried."""


@dataclass(frozen=True)
class Rows:
    """The rows of a search.

    Attributes
    ----------
    wide : ndarray of float64, shape (n, d + 1)
        With a column of ones.
    labels : ndarray of int64, shape (n,)
    onehot : ndarray of float64, shape (n, C)
        Of the labels: what heads are trained on.
    targets : ndarray of float64, shape (n, C)
        What the head of a subset should answer.
    banned : ndarray of bool, shape (n,)
        Rows that do not enter.
    """

    wide: NDArray[np.float64]
    labels: NDArray[np.int64]
    onehot: NDArray[np.float64]
    targets: NDArray[np.float64]
    banned: NDArray[np.bool_]


@dataclass(frozen=True)
class Pace:
    """How a search goes on: first share of rows swapped, growth, least swap, evaluations."""

    growth: float = 1.3
    least: float = 0.02
    evaluations: int = 60
    first: float = 0.25


class Taught(NamedTuple):
    """A subset, its head, and how well it fits all rows at the best scale of its logits."""

    kept: NDArray[np.int64]
    head: ExactHead
    logits: NDArray[np.float64]
    scale: float
    loss: float


@dataclass
class Found:
    """Where a search ended.

    Attributes
    ----------
    taught : Taught
    replaced : dict of int to int
        The row whose place each row took that is no longer there, by position.
    trace : list of mapping
        One of each evaluation.
    """

    taught: Taught
    replaced: dict[int, int] = field(default_factory=dict)
    trace: list[dict[str, object]] = field(default_factory=list)


def fit_subset(
    rows: Rows, kept: NDArray[np.int64], start: NDArray[np.float64] | None = None
) -> Taught:
    """Train the head of a subset and see how it fits all rows."""
    tolerance = 1e-3 * max(1.0, len(kept) / 100)
    head = fit_exact(rows.wide[kept], rows.onehot[kept], start=start, tolerance=tolerance)
    logits = rows.wide @ head.weights
    scale = best_scale(logits, rows.targets)
    return Taught(kept, head, logits, scale, cross_entropy(logits * scale, rows.targets))


def benefits(
    rows: Rows, taught: Taught, of: NDArray[np.bool_] | None = None, *, rtol: float = RTOL
) -> NDArray[np.float64]:
    """Return by how much one more copy of each row in training lowers the loss, to first order.

    ``s_i = <softmax(z_i) - Y_i, x_i q>`` with ``q = H^-1 grad L``: the gradient of row i's own
    loss, along the move of the weights that lowers the loss L of the rows looked at.

    Parameters
    ----------
    rows : Rows
    taught : Taught
    of : ndarray of bool, shape (n,), optional
        Rows whose mean loss counts; all by default.
    rtol : float
        Of the solution q.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    apart = softmax(taught.logits * taught.scale) - rows.targets
    if of is None:
        gradient = rows.wide.T @ apart / len(apart)
    else:
        gradient = rows.wide[of].T @ apart[of] / max(1, int(of.sum()))
    q = taught.head.solve(taught.scale * gradient, rtol=rtol)
    return ((softmax(taught.logits) - rows.onehot) * (rows.wide @ q)).sum(axis=1)


def search(
    rows: Rows, start: NDArray[np.int64], pace: Pace, advance: Callable[[], object] = int
) -> Found:
    """Swap the rows of least benefit for those of most, as long as the loss falls.

    Parameters
    ----------
    rows : Rows
    start : ndarray of int64, shape (b,)
        With a row of each class.
    pace : Pace
    advance : callable
        Called after each evaluation.

    Returns
    -------
    Found
        The loss of the accepted steps falls strictly. Anytime: with fewer evaluations the search
        is at a former step of the same path.

    Notes
    -----
    An evaluation costs 4 n d C and the head's 4 b d C a step of conjugate gradients.
    """
    budget = len(start)
    found = Found(fit_subset(rows, np.sort(start)))
    found.trace.append(_step(found.taught.loss, budget, 0, accepted=True))
    advance()
    most, least = max(1, budget // 2), max(1, int(budget * pace.least))
    size, scores, failed = max(1, int(budget * pace.first)), None, 0
    while len(found.trace) < pace.evaluations:
        if scores is None:
            scores = benefits(rows, found.taught)
            scores[rows.banned] = BANNED
        out, put = swaps(rows.labels, found.taught.kept, scores, size)
        if not len(out):
            break
        kept = np.sort(np.concatenate([np.setdiff1d(found.taught.kept, out), put]))
        tried = fit_subset(rows, kept, found.taught.head.weights)
        better = tried.loss < found.taught.loss - GAIN
        found.trace.append(_step(tried.loss, budget, len(out), accepted=better))
        advance()
        if better:
            found.taught, scores = tried, None
            for new, old in zip(put.tolist(), out.tolist(), strict=True):
                found.replaced[new] = old
            size, failed = min(int(size * pace.growth) + 1, most), 0
        elif size <= least:
            if failed == PATIENCE:
                break
            failed += 1
            scores[put] = BANNED
        else:
            size = max(1, size // 3)
    return found


def swaps(
    labels: NDArray[np.int64], kept: NDArray[np.int64], scores: NDArray[np.float64], size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pair the kept rows of least benefit with the others of most, while the latter is more.

    The only kept row of a class is paired with the best other row of its class instead.

    Parameters
    ----------
    labels : ndarray of int64, shape (n,)
    kept : ndarray of int64, shape (b,)
        Ascending.
    scores : ndarray of float64, shape (n,)
    size : int
        Pairs at most.

    Returns
    -------
    out, put : ndarray of int64
        Of one length; ties by lower position. No class that has a kept row loses its last.
    """
    inside = np.zeros(len(labels), dtype=bool)
    inside[kept] = True
    others = np.flatnonzero(~inside)
    ranked = others[np.argsort(-scores[others], kind="stable")]
    count = np.bincount(labels[kept], minlength=int(labels.max()) + 1)
    waiting = np.ones(len(ranked), dtype=bool)
    pairs: list[tuple[int, int]] = []
    first = 0
    for old in kept[np.argsort(scores[kept], kind="stable")][:size].tolist():
        c = labels[old]
        while first < len(ranked) and not waiting[first]:
            first += 1
        at = first
        if count[c] == 1 and (at == len(ranked) or labels[ranked[at]] != c):
            mine = np.flatnonzero(waiting & (labels[ranked] == c))
            at = int(mine[0]) if len(mine) else len(ranked)
        if at == len(ranked) or scores[ranked[at]] <= scores[old]:
            continue
        pairs.append((old, int(ranked[at])))
        waiting[at] = False
        count[c] -= 1
        count[labels[ranked[at]]] += 1
    out, put = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return out, put


def _step(loss: float, budget: int, swapped: int, *, accepted: bool) -> dict[str, object]:
    return {"loss": loss, "rows": budget, "swapped": swapped, "accepted": accepted}
