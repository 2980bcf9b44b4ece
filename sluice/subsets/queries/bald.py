"""BALD: the rows whose label would tell most about the model's parameters.

Houlsby and others, Bayesian Active Learning for Classification and Preference Learning (arXiv
1112.5745), with the passes of dropout of Gal, Islam and Ghahramani (arXiv 1703.02910).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.queries.consensus_kl import consensus_kl
from sluice.subsets.queries.ranked import top_picks


def bald(passes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mutual information of label and parameters: ``H[E p] - E H[p]``.

    Parameters
    ----------
    passes : ndarray of float64, shape (T, n, C)
        Probabilities under T draws of the parameters. The same number as `consensus_kl` gives
        for a committee of draws.

    Returns
    -------
    ndarray of float64, shape (n,)
        Nats; from 0 to the entropy of the mean.
    """
    return consensus_kl(passes)


def _core(pool: Pool, budget: int, seed: int) -> Picks:
    """Ask for the rows of the greatest score; the seed is not used."""
    assert pool.answers is not None
    assert pool.answers.passes is not None
    count = len(pool.answers.passes)
    return top_picks(
        bald(pool.answers.passes),
        budget,
        lambda score, _: (
            f"{count} passes with dropout are {score:.3f} nats surer apart than together"
        ),
    )


SELECTOR = Selector(
    name="bald",
    core=_core,
    version="1",
    needs=frozenset({"answers:passes"}),
    tasks=frozenset({"text"}),
    stochastic=False,
    nested=True,
    class_floor=False,
    summary="Rows whose label would tell most about the model's parameters.",
    formula="argmax H[E p] - E H[p]",
    paper="Houlsby and others, arXiv 1112.5745",
    cost="T n C",
    family=("model-based", "model uncertainty"),
)
