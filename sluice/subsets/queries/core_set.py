"""Core-set: rows far from every labelled one and from each other.

Sener and Savarese, Active Learning for Convolutional Neural Networks: A Core-Set Approach (arXiv
1708.00489), algorithm 1, from the labelled rows on: the greedy k-center of
`sluice.subsets.covering.k_center`.
"""

from __future__ import annotations

import numpy as np

from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.covering.k_center import greedy_k_center, k_center


def _core(pool: Pool, budget: int, seed: int) -> Picks:
    """Ask for the row farthest from all labelled and asked for; the seed is not used."""
    assert pool.embeddings is not None
    assert pool.labelled is not None
    m = len(pool.labelled.ids)
    if not m:
        # Nothing is covered yet: the row closest to the mean comes first (ours).
        return k_center(pool, budget, seed)
    # the pool first: ties then go to its lower id
    rows = np.vstack([pool.embeddings, pool.labelled.embeddings])
    labelled = np.arange(len(pool.ids), len(rows))
    positions, distances = greedy_k_center(rows, m + budget, labelled)
    reasons = [
        f"Farthest from {m} labelled rows and {rank} asked for before it: {distance:.3f} from the "
        "nearest of them."
        for rank, distance in enumerate(distances.tolist())
    ]
    return Picks(positions, distances, reasons)


SELECTOR = Selector(
    name="core_set",
    core=_core,
    version="1",
    needs=frozenset({"embeddings", "labelled"}),
    tasks=frozenset({"text"}),
    stochastic=False,
    nested=True,
    class_floor=False,
    summary="Rows far from every labelled one and from each other.",
    formula="argmax_i min_{j in L} |x_i - x_j|, repeated",
    paper="Sener and Savarese, arXiv 1708.00489",
    cost="n (m + b) d",
    family=("data-based", "representativeness", "set construction"),
)
