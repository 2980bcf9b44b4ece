"""Expected gradient length by word: the rows whose label would change a word's vector most.

Zhang, Lease and Wallace, Active Discriminative Text Representation Learning (AAAI 2017):
``argmax_x max_{w in x} sum_y p(y|x) |grad_w loss(x, y)|``.
"""

from __future__ import annotations

from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.queries.ranked import top_picks


def _core(pool: Pool, budget: int, seed: int) -> Picks:
    """Ask for the rows of the greatest score; the seed is not used."""
    assert pool.answers is not None
    assert pool.answers.words is not None
    return top_picks(
        pool.answers.words,
        budget,
        lambda score, _: f"Its label is expected to move a word's vector by {score:.3g}",
    )


SELECTOR = Selector(
    name="egl_word",
    core=_core,
    version="1",
    needs=frozenset({"answers:words"}),
    tasks=frozenset({"text"}),
    stochastic=False,
    nested=True,
    class_floor=False,
    summary="Rows whose label would change the vector of one of their words most.",
    formula="argmax max_w sum_y p(y|x) |grad_w loss(x, y)|",
    paper="Zhang, Lease and Wallace, AAAI 2017",
    cost="a backward pass of the encoder for each row and class",
    family=("model-based", "expected parameter change"),
)
