"""Majority: what most candidates say."""

from __future__ import annotations

import numpy as np

from sluice.choices.contract import Chooser, Questions, Ranking
from sluice.choices.votes import first_of, keyed_order, vote


def decide(fitted: None, questions: Questions, seed: int, *, calls: int | None = None) -> Ranking:
    """Count the votes; with `calls`, of so many sources drawn for each item."""
    if calls is not None:
        pool = questions.ask(first_of(keyed_order(questions, seed), calls))
    else:
        pool = questions.ask()
    return vote(pool, np.ones(len(pool.item)))


CHOOSER = Chooser(
    name="majority",
    decide=decide,
    version="1",
    summary="The answer that most candidates give; with `calls`, of so many drawn sources.",
    formula="argmax_a sum_c [answer(c) = a]; ties by source",
    paper="Wang et al. 2023, Self-Consistency (arXiv:2203.11171), over sources and draws",
    cost="m log m",
    stochastic=True,
)
