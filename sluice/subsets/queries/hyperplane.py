"""Closest to the hyperplane: the rows nearest to the boundary of the two best classes.

Tong and Koller, Support Vector Machine Active Learning with Applications to Text Classification
(JMLR 2001), for two classes: ``argmin |f(x)| / |w|``. With more it is the boundary between the
two most probable ones (ours).
"""

from __future__ import annotations

from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.queries.ranked import top_picks


def _core(pool: Pool, budget: int, seed: int) -> Picks:
    """Ask for the rows of the least distance; the seed is not used."""
    assert pool.answers is not None
    assert pool.answers.separation is not None
    return top_picks(
        -pool.answers.separation,
        budget,
        lambda score, _: f"Only {abs(score):.3f} from the hyperplane between its two best classes",
    )


SELECTOR = Selector(
    name="hyperplane",
    core=_core,
    version="1",
    needs=frozenset({"answers:separation"}),
    tasks=frozenset({"text"}),
    stochastic=False,
    nested=True,
    class_floor=False,
    summary="Rows nearest to the hyperplane between their two best classes.",
    formula="argmin |f(x)| / |w|",
    paper="Tong and Koller, JMLR 2001",
    cost="n beyond the distances",
    family=("prediction-based", "prediction uncertainty"),
)
