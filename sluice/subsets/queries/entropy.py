"""Entropy: the rows whose class probabilities are most spread out.

Holub, Perona and Burl, Entropy-based active learning for object recognition (CVPR workshops 2008).
"""

from __future__ import annotations

from sluice.scores.uncertainty import entropy
from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.queries.ranked import top_picks


def _core(pool: Pool, budget: int, seed: int) -> Picks:
    """Ask for the rows of the greatest score; the seed is not used."""
    assert pool.answers is not None
    assert pool.answers.probabilities is not None
    scores = entropy(pool.answers.probabilities)
    return top_picks(
        scores,
        budget,
        lambda score, _: f"The class probabilities have an entropy of {score:.3f} nats",
    )


SELECTOR = Selector(
    name="entropy",
    core=_core,
    version="1",
    needs=frozenset({"answers:probabilities"}),
    tasks=frozenset({"text"}),
    stochastic=False,
    nested=True,
    class_floor=False,
    summary="Rows whose class probabilities are most spread out.",
    formula="argmax -sum_c p_c log p_c",
    paper="Holub, Perona and Burl, CVPR workshops 2008",
    cost="n C",
    family=("prediction-based", "prediction uncertainty"),
)
