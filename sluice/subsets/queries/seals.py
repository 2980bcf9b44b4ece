"""SEALS: another strategy on the neighbours of the labelled rows alone.

Coleman and others, Similarity Search for Efficient Active Learning and Search of Rare Concepts
(arXiv 2007.00077).
"""

from __future__ import annotations

import numpy as np

from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.instance_selection.neighbours import check_neighbours, smallest, squared_blocks
from sluice.subsets.queries.wrapped import pick_within


def _core(
    pool: Pool, budget: int, seed: int, *, base: str = "least_confidence", k: int = 100
) -> Picks:
    """Let the base pick among the k nearest rows of each labelled row.

    Where these are fewer than asked for, the base picks the rest among the others (ours).
    """
    assert pool.embeddings is not None
    assert pool.labelled is not None
    k = check_neighbours(k)
    near = np.zeros(len(pool.ids), dtype=np.bool_)
    for _, squared in squared_blocks(pool.labelled.embeddings, pool.embeddings):
        near[smallest(squared, k)] = True
    return pick_within(np.flatnonzero(near), base, pool, budget, seed, "seals")


SELECTOR = Selector(
    name="seals",
    core=_core,
    version="1",
    needs=frozenset({"embeddings", "labelled"}),
    tasks=frozenset({"text"}),
    stochastic=True,
    nested=False,
    class_floor=False,
    summary="Another strategy on the neighbours of the labelled rows alone.",
    formula="base on the union of kNN(x), x labelled",
    paper="Coleman and others, arXiv 2007.00077",
    cost="m n d, and the base on k m rows",
    options={"base": "least_confidence", "k": 100},
    family=("wrapper",),
    passes_on=True,
)
