"""Least confidence: the rows whose best class is least probable.

Lewis and Gale, A Sequential Algorithm for Training Text Classifiers (SIGIR 1994).
"""

from __future__ import annotations

from sluice.scores.uncertainty import least_confidence
from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.queries.ranked import top_picks


def _core(pool: Pool, budget: int, seed: int) -> Picks:
    """Ask for the rows of the greatest score; the seed is not used."""
    assert pool.answers is not None
    assert pool.answers.probabilities is not None
    scores = least_confidence(pool.answers.probabilities)
    return top_picks(
        scores, budget, lambda score, _: f"The best class has a probability of only {1 - score:.3f}"
    )


SELECTOR = Selector(
    name="least_confidence",
    core=_core,
    version="1",
    needs=frozenset({"answers:probabilities"}),
    tasks=frozenset({"text"}),
    stochastic=False,
    nested=True,
    class_floor=False,
    summary="Rows whose best class is least probable.",
    formula="argmax 1 - p1",
    paper="Lewis and Gale, SIGIR 1994",
    cost="n C",
    family=("prediction-based", "prediction uncertainty"),
)
