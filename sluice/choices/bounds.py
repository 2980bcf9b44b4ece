"""Bounds: what the best and the worst possible choice would get right; for evaluations alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.choices.contract import NO_ANSWER, Chooser, Questions, Ranking
from sluice.choices.votes import no_answer


def _decide(questions: Questions, truth: NDArray[np.int64], wanted: bool) -> Ranking:
    pool = questions.ask()
    rows = np.flatnonzero(pool.answer != NO_ANSWER)
    right = pool.answer[rows] == truth[pool.item[rows]]
    order = np.lexsort((rows, right != wanted, pool.item[rows]))
    ranked, scores = rows[order], right[order].astype(np.float64)
    reasons = [no_answer(count) for count in np.bincount(pool.item, minlength=len(pool.items))]
    items, first = np.unique(pool.item[ranked], return_index=True)
    for item, at in zip(items.tolist(), first.tolist(), strict=True):
        some = bool(scores[at]) == wanted
        reasons[item] = f"{'some' if some else 'no'} source is {'right' if wanted else 'wrong'}"
    return Ranking(ranked, np.ones(len(ranked)), scores, reasons)


def best(fitted: None, questions: Questions, seed: int, truth: NDArray[np.int64]) -> Ranking:
    """Take a right answer wherever there is one."""
    return _decide(questions, truth, wanted=True)


def worst(fitted: None, questions: Questions, seed: int, truth: NDArray[np.int64]) -> Ranking:
    """Take a wrong answer wherever there is one."""
    return _decide(questions, truth, wanted=False)


ORACLE = Chooser(
    name="oracle",
    decide=best,
    version="1",
    summary="A right answer wherever a source gives one: the upper bound, which sees the gold.",
    formula="max_c [answer(c) = gold]",
    paper="Control: upper bound",
    cost="m log m",
    sees_gold=True,
)
ADVERSARY = Chooser(
    name="adversary",
    decide=worst,
    version="1",
    summary="A wrong answer wherever a source gives one: the lower bound, which sees the gold.",
    formula="min_c [answer(c) = gold]",
    paper="Control: lower bound",
    cost="m log m",
    sees_gold=True,
)
