"""Vote entropy: the rows on whose class a committee disagrees most.

Dagan and Engelson, Committee-Based Sampling for Training Probabilistic Classifiers (ICML 1995).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.scores.uncertainty import entropy
from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.queries.ranked import top_picks


def vote_entropy(committee: NDArray[np.float64]) -> NDArray[np.float64]:
    """Entropy of the members' votes: ``-sum_y (V_y / K) log(V_y / K)``.

    Parameters
    ----------
    committee : ndarray of float64, shape (K, n, C)
        Probabilities by each of K members; a member votes for its most probable class, ties to
        the lowest.

    Returns
    -------
    ndarray of float64, shape (n,)
        Nats; 0 where all agree, ``log min(K, C)`` at most.
    """
    members, _, classes = committee.shape
    votes = committee.argmax(axis=2)
    counts = np.stack([(votes == c).sum(axis=0) for c in range(classes)], axis=1)
    return entropy(counts / members)


def _core(pool: Pool, budget: int, seed: int) -> Picks:
    """Ask for the rows of the greatest score; the seed is not used."""
    assert pool.answers is not None
    assert pool.answers.committee is not None
    members = len(pool.answers.committee)
    return top_picks(
        vote_entropy(pool.answers.committee),
        budget,
        lambda score, _: f"The votes of {members} models have an entropy of {score:.3f} nats",
    )


SELECTOR = Selector(
    name="vote_entropy",
    core=_core,
    version="1",
    needs=frozenset({"answers:committee"}),
    tasks=frozenset({"text"}),
    stochastic=False,
    nested=True,
    class_floor=False,
    summary="Rows on whose class a committee's votes differ most.",
    formula="argmax -sum_y V_y/K log(V_y/K)",
    paper="Dagan and Engelson, ICML 1995",
    cost="K n C",
    family=("prediction-based", "disagreement"),
)
