"""Consensus divergence: the rows on whose probabilities a committee disagrees most.

McCallum and Nigam, Employing EM and Pool-Based Active Learning for Text Classification (ICML
1998).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.scores.uncertainty import entropy
from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.queries.ranked import top_picks


def consensus_kl(committee: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean divergence of the members from their mean: ``(1/K) sum_k KL(p_k || p)``.

    It equals ``H[p] - (1/K) sum_k H[p_k]``, which is how it is computed.

    Parameters
    ----------
    committee : ndarray of float64, shape (K, n, C)
        Probabilities by each of K members.

    Returns
    -------
    ndarray of float64, shape (n,)
        Nats; 0 where all agree, never above the entropy of the mean.
    """
    apart = np.mean([entropy(member) for member in committee], axis=0)
    return np.maximum(entropy(committee.mean(axis=0)) - apart, 0.0)


def _core(pool: Pool, budget: int, seed: int) -> Picks:
    """Ask for the rows of the greatest score; the seed is not used."""
    assert pool.answers is not None
    assert pool.answers.committee is not None
    members = len(pool.answers.committee)
    return top_picks(
        consensus_kl(pool.answers.committee),
        budget,
        lambda score, _: f"{members} models are {score:.3f} nats from their mean on average",
    )


SELECTOR = Selector(
    name="consensus_kl",
    core=_core,
    version="1",
    needs=frozenset({"answers:committee"}),
    tasks=frozenset({"text"}),
    stochastic=False,
    nested=True,
    class_floor=False,
    summary="Rows on whose probabilities a committee differs most from its mean.",
    formula="argmax 1/K sum_k KL(p_k || mean p)",
    paper="McCallum and Nigam, ICML 1998",
    cost="K n C",
    family=("prediction-based", "disagreement"),
)
