"""Best single source: ask whoever was right most often, and nobody else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.choices.contract import CandidatePool, Chooser, Questions, Ranking
from sluice.choices.random_source import first_answers
from sluice.choices.votes import first_of, track_record

Record = tuple[NDArray[np.float64], NDArray[np.int64]]


def fit(pool: CandidatePool, seed: int) -> Record:
    """Count who was right how often."""
    return track_record(pool)


def decide(fitted: Record, questions: Questions, seed: int) -> Ranking:
    """Take the first draw of the best source of those that have a candidate."""
    right, asked = fitted
    accuracy = (right + 1) / (asked + 2)
    pool = questions.ask(first_of(np.where(questions.offers, -accuracy, np.inf), 1))
    said = [
        f"{name} was right on {r:.4g} of {n} items with gold, the best share of who answers this"
        for name, r, n in zip(pool.sources, right, asked, strict=True)
    ]
    return first_answers(pool, said, accuracy)


CHOOSER = Chooser(
    name="best_single",
    fit=fit,
    decide=decide,
    version="1",
    summary="The answer of the source that is best on the items with gold; asks it alone.",
    formula="argmax_s (right(s) + 1) / (asked(s) + 2); ties by name",
    paper="Control: the best single expert",
    cost="m",
    needs=frozenset({"gold"}),
)
