"""Weighted vote: sources count by how often they were right on items with gold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sluice.choices.contract import NO_ANSWER, CandidatePool, Chooser, Questions, Ranking
from sluice.choices.votes import first_of, track_record, vote
from sluice.core.errors import ConfigError

WEIGHTS = ("accuracy", "log_odds")


@dataclass(frozen=True)
class Weighted:
    """Weight of each source, shape (sources,)."""

    weights: NDArray[np.float64]


def fit(pool: CandidatePool, seed: int, *, weights: str = "accuracy") -> Weighted:
    """Weigh each source by its accuracy on the items with gold.

    Accuracy p = (right + 1) / (asked + 2), Laplace's rule, so that nobody is at 0 or 1.
    ``log_odds`` is ln(p / (1 - p)) + ln(K - 1), the vote that is best where sources err
    independently and an error is any of the other K - 1 answers alike, K the number of different
    answers to the items with gold (at least 2).
    """
    if weights not in WEIGHTS:
        raise ConfigError(f"weights is {weights!r}; give one of {', '.join(WEIGHTS)}.")
    right, asked = track_record(pool)
    accuracy = (right + 1) / (asked + 2)
    if weights == "accuracy":
        return Weighted(accuracy)
    different = max(2, len(np.unique(pool.answer[pool.answer != NO_ANSWER])))
    return Weighted(np.log(accuracy / (1 - accuracy)) + np.log(different - 1))


def decide(
    fitted: Weighted, questions: Questions, seed: int, *, calls: int | None = None
) -> Ranking:
    """Count weighted votes; with `calls`, of the so many heaviest sources that offer an answer."""
    heaviest = np.where(questions.offers, -fitted.weights, np.inf)
    pool = questions.ask(first_of(heaviest, calls))
    return vote(pool, fitted.weights[pool.source])


CHOOSER = Chooser(
    name="weighted_vote",
    fit=fit,
    decide=decide,
    version="1",
    summary="The answer with the largest sum of its sources' accuracies on items with gold.",
    formula="argmax_a sum_c w(source(c)) [answer(c) = a], w = (right + 1) / (asked + 2) or "
    "ln(p / (1 - p)) + ln(K - 1)",
    paper="Nitzan and Paroush 1982, Optimal Decision Rules in Uncertain Dichotomous Choice "
    "Situations, with K answers instead of two",
    cost="m log m",
    needs=frozenset({"gold"}),
)
