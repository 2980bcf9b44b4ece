"""Margin sampling, or breaking ties: the rows whose two best classes are closest.

Scheffer, Decomain and Wrobel, Active Hidden Markov Models for Information Extraction (IDA 2001).
"""

from __future__ import annotations

from sluice.scores.uncertainty import margin
from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.queries.ranked import top_picks


def _core(pool: Pool, budget: int, seed: int) -> Picks:
    """Ask for the rows of the greatest score; the seed is not used."""
    assert pool.answers is not None
    assert pool.answers.probabilities is not None
    scores = margin(pool.answers.probabilities)
    return top_picks(
        scores,
        budget,
        lambda score, _: f"The two best classes are only {max(0.0, 1 - score):.3f} apart",
    )


SELECTOR = Selector(
    name="margin",
    core=_core,
    version="1",
    needs=frozenset({"answers:probabilities"}),
    tasks=frozenset({"text"}),
    stochastic=False,
    nested=True,
    class_floor=False,
    summary="Rows whose two best classes are closest (breaking ties).",
    formula="argmin p1 - p2",
    paper="Scheffer, Decomain and Wrobel, IDA 2001",
    cost="n C",
    family=("prediction-based", "prediction uncertainty"),
)
