"""Random rows: what every strategy has to beat."""

from __future__ import annotations

from sluice.core.randomness import keyed_uniform
from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.queries.ranked import top_picks


def _core(pool: Pool, budget: int, seed: int) -> Picks:
    """Ask for the rows of the greatest draws, keyed by (seed, id)."""
    return top_picks(
        keyed_uniform(seed, pool.ids), budget, lambda draw, _: f"Drawn at random ({draw:.4f})"
    )


SELECTOR = Selector(
    name="random",
    core=_core,
    version="1",
    needs=frozenset(),
    tasks=frozenset({"text"}),
    stochastic=True,
    nested=True,
    class_floor=False,
    summary="Random rows: what every strategy has to beat.",
    formula="u ~ U(0, 1)",
    paper="",
    cost="n",
    family=("random",),
)
