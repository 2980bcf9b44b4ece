"""Adversarial: the rows that the smallest change of their vector would put into another class.

Ducoffe and Precioso, Adversarial Active Learning for Deep Networks: a Margin Based Approach
(arXiv 1802.09841), by DeepFool (arXiv 1511.04599): ``argmin |r(x)|``, r the smallest perturbation
that changes the class. `sluice.heads` computes it: in closed form for a linear head, step by step
for a network.
"""

from __future__ import annotations

from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.queries.ranked import top_picks


def _core(pool: Pool, budget: int, seed: int) -> Picks:
    """Ask for the rows of the least distance; the seed is not used."""
    assert pool.answers is not None
    assert pool.answers.perturbation is not None
    return top_picks(
        -pool.answers.perturbation,
        budget,
        lambda score, _: f"A change of its vector by only {abs(score):.3f} changes its class",
    )


SELECTOR = Selector(
    name="adversarial",
    core=_core,
    version="1",
    needs=frozenset({"answers:perturbation"}),
    tasks=frozenset({"text"}),
    stochastic=False,
    nested=True,
    class_floor=False,
    summary="Rows that the smallest change of their vector puts into another class.",
    formula="argmin |r(x)|",
    paper="Ducoffe and Precioso, arXiv 1802.09841",
    cost="n beyond the distances",
    family=("model-based", "adversarial"),
)
