"""Expected gradient length of one layer: the rows whose label would change that layer most.

Zhang, Lease and Wallace, Active Discriminative Text Representation Learning (AAAI 2017), for
the softmax layer.
"""

from __future__ import annotations

from sluice.core.errors import UnknownNameError
from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.queries.egl import expected_length
from sluice.subsets.queries.ranked import top_picks


def _core(pool: Pool, budget: int, seed: int, *, layer: str = "last") -> Picks:
    """Ask for the rows of the greatest score; the seed is not used."""
    assert pool.answers is not None
    assert pool.answers.probabilities is not None
    if layer not in pool.answers.layers:
        raise UnknownNameError.of("layer", layer, list(pool.answers.layers))
    return top_picks(
        expected_length(pool.answers.probabilities, pool.answers.layers[layer]),
        budget,
        lambda score, _: f"Its label is expected to move the {layer} layer by {score:.3f}",
    )


SELECTOR = Selector(
    name="egl_layer",
    core=_core,
    version="1",
    needs=frozenset({"answers:probabilities", "answers:layers"}),
    tasks=frozenset({"text"}),
    stochastic=False,
    nested=True,
    class_floor=False,
    summary="Rows whose label would change one layer of the model most.",
    formula="argmax sum_y p(y|x) |grad_layer loss(x, y)|",
    paper="Zhang, Lease and Wallace, AAAI 2017",
    cost="n C beyond the gradients",
    options={"layer": "last"},
    family=("model-based", "expected parameter change"),
)
