"""Random: ask one source, drawn for each item."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sluice.choices.contract import NO_ANSWER, CandidatePool, Chooser, Questions, Ranking
from sluice.choices.votes import first_of, keyed_order, no_answer


def first_answers(pool: CandidatePool, said: Sequence[str], scores: NDArray[np.float64]) -> Ranking:
    """Take the first draw of whoever was asked.

    Parameters
    ----------
    pool : CandidatePool
        Of one source an item.
    said : sequence of str, shape (sources,)
        Why, of each source.
    scores : ndarray of float64, shape (sources,)
    """
    rows = np.flatnonzero(pool.answer != NO_ANSWER)
    _, first = np.unique(pool.item[rows], return_index=True)
    chosen = rows[first]
    reasons = [no_answer(count) for count in np.bincount(pool.item, minlength=len(pool.items))]
    for item, source in zip(pool.item[chosen].tolist(), pool.source[chosen].tolist(), strict=True):
        reasons[item] = said[source]
    return Ranking(chosen, np.ones(len(chosen)), scores[pool.source[chosen]], reasons)


def decide(fitted: None, questions: Questions, seed: int) -> Ranking:
    """Draw a source by (seed, item, source), all alike likely."""
    pool = questions.ask(first_of(keyed_order(questions, seed), 1))
    said = [f"{name} was drawn" for name in pool.sources]
    return first_answers(pool, said, np.ones(len(pool.sources)))


CHOOSER = Chooser(
    name="random",
    decide=decide,
    version="1",
    summary="The answer of one source, drawn for each item: the control to beat.",
    formula="source ~ uniform over those that answer the item",
    paper="Control",
    cost="m",
    stochastic=True,
)
