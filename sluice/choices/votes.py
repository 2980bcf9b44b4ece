"""Votes: what choosers share that count who says what, and that ask some sources only."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sluice.choices.contract import NO_ANSWER, CandidatePool, Questions, Ranking
from sluice.core.errors import ConfigError
from sluice.core.randomness import keyed_uniform

_DECIMALS = 12
"""Sums of equal weights must be equal in whatever way they round."""
_NAMED = 5


def vote(pool: CandidatePool, weights: NDArray[np.float64]) -> Ranking:
    """Rank the answers of each item by the sum of the weights of those who give them.

    Ties: the answer whose heaviest supporter is heavier; then whose first supporter comes first
    by source and draw. The candidate of an answer is that supporter.

    Parameters
    ----------
    pool : CandidatePool
    weights : ndarray of float64, shape (m,)
        Of each candidate; those without an answer do not vote.

    Returns
    -------
    Ranking
        Scores are the sums, rounded to 12 decimals. O(m log m).
    """
    rows = np.flatnonzero(pool.answer != NO_ANSWER)
    item, weight = pool.item[rows], weights[rows]
    keys = item * len(pool.answers) + pool.answer[rows]
    _, group = np.unique(keys, return_inverse=True)
    sums = np.bincount(group, weight).astype(np.float64).round(_DECIMALS)
    heaviest = np.lexsort((rows, -weight, group))
    lead = heaviest[np.searchsorted(group[heaviest], np.arange(len(sums)))]
    order = np.lexsort((rows, -weight, rows[lead][group], -weight[lead][group], -sums[group], item))
    ranked, scores = rows[order], sums[group[order]]
    return Ranking(ranked, weight[order], scores, _reasons(pool, ranked, scores))


def _reasons(
    pool: CandidatePool, ranked: NDArray[np.int64], scores: NDArray[np.float64]
) -> list[str]:
    starts = np.searchsorted(pool.item[ranked], np.arange(len(pool.items) + 1)).tolist()
    asked = np.bincount(pool.item, minlength=len(pool.items)).tolist()
    answers, sources = pool.answer[ranked].tolist(), pool.source[ranked].tolist()
    reasons: list[str] = []
    for k, (start, end) in enumerate(pairwise(starts)):
        if start == end:
            reasons.append(no_answer(asked[k]))
            continue
        at = start
        while at < end and answers[at] == answers[start]:
            at += 1
        who = list(dict.fromkeys(pool.sources[code] for code in sources[start:at]))
        more = f" and {len(who) - _NAMED} more" if len(who) > _NAMED else ""
        reason = f"{at - start} of {asked[k]} say so ({', '.join(who[:_NAMED])}{more})"
        if at < end:
            kind = "a tie with" if scores[at] == scores[start] else "next"
            reason += f"; {kind} {pool.answers[answers[at]]!r}"
            reason += f" at {scores[at]:.4g} against {scores[start]:.4g}"
        reasons.append(reason)
    return reasons


def no_answer(asked: int) -> str:
    """Say why an item is left undecided."""
    return "no source has a candidate" if not asked else f"none of {asked} candidates is an answer"


def keyed_order(questions: Questions, seed: int) -> NDArray[np.float64]:
    """Draw a number in (0, 1) for each item and source: a source more changes no other's draw.

    Returns
    -------
    ndarray of float64, shape (k, sources)
        Infinite where a source has nothing to offer.
    """
    drawn = np.full(questions.offers.shape, np.inf)
    item, source = np.nonzero(questions.offers)
    names = np.array(questions.sources, dtype=np.str_)
    if len(item):
        parts = np.char.add(np.char.add(questions.items[item], "\x1f"), names[source])
        drawn[item, source] = keyed_uniform(seed, parts)
    return drawn


def first_of(order: NDArray[np.float64], calls: int | None) -> NDArray[np.bool_]:
    """Return the `calls` sources of each item that come first; every one where it is None.

    Parameters
    ----------
    order : ndarray of float64, shape (k, sources)
        Least first, ties by source.
    calls : int or None

    Raises
    ------
    ConfigError
        `calls` is no count from 1.
    """
    if calls is None:
        return np.ones(order.shape, dtype=np.bool_)
    if isinstance(calls, bool) or not hasattr(calls, "__index__") or calls < 1:
        raise ConfigError(f"calls is {calls!r}; give how many sources to ask, from 1, or None.")
    rank = np.argsort(np.argsort(order, axis=1, kind="stable"), axis=1)
    return rank < calls


def track_record(pool: CandidatePool) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Count of each source how many items with gold it got right, of how many it was asked.

    Several draws of one item count as their mean. No answer is a wrong one; an item for which a
    source has no candidate at all says nothing of it.

    Returns
    -------
    right : ndarray of float64, shape (sources,)
    asked : ndarray of int64, shape (sources,)
    """
    count = len(pool.sources)
    cells, cell = np.unique(pool.item * max(count, 1) + pool.source, return_inverse=True)
    mean = np.bincount(cell, pool.is_right) / np.bincount(cell)
    source = cells % max(count, 1)
    right = np.bincount(source, mean, minlength=count).astype(np.float64)
    return right, np.bincount(source, minlength=count).astype(np.int64)
