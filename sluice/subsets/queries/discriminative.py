"""Discriminative active learning: rows that are easily told from the labelled ones.

Gissin and Shalev-Shwartz, Discriminative Active Learning (arXiv 1907.06347).
"""

from __future__ import annotations

import numpy as np

from sluice.core.errors import DataError
from sluice.core.progress import track
from sluice.heads.logistic import fit_head
from sluice.subsets.clustered.plain_vectors import whole
from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.queries.ranked import top


def _core(pool: Pool, budget: int, seed: int, *, batch: int = 10) -> Picks:
    """Ask for the rows of the greatest P(unlabelled | x), a sub-batch at a time.

    After each sub-batch its rows count as labelled, and the logistic head that tells labelled
    from unlabelled is trained again. Sub-batches have a fixed size (ours; the paper has a fixed
    number), so that smaller budgets are the first rows of larger ones. The seed is not used.
    Cost: a logistic head on n + m rows for each sub-batch.
    """
    assert pool.embeddings is not None
    assert pool.labelled is not None
    size = whole("batch", batch)
    if not len(pool.labelled.ids):
        raise DataError("discriminative needs labelled rows; label at least one first.")
    rows = np.vstack([pool.embeddings, pool.labelled.embeddings])
    unlabelled = np.arange(len(rows)) < len(pool.ids)
    positions: list[int] = []
    gains: list[float] = []
    with track("discriminative", budget) as advance:
        while len(positions) < budget:
            left = np.flatnonzero(unlabelled)
            head = fit_head(rows, unlabelled.astype(np.int64), 2)
            chances = head.predict_proba(rows[left])[:, 1]
            at = top(chances, min(size, budget - len(positions)))
            positions += left[at].tolist()
            gains += chances[at].tolist()
            unlabelled[left[at]] = False
            advance(len(at))
    labelled = len(rows) - len(pool.ids)
    reasons = [
        f"A head tells it from the {labelled + rank // size * size} labelled rows and rows asked "
        f"for before it with probability {gain:.4f}."
        for rank, gain in enumerate(gains)
    ]
    return Picks(np.array(positions, dtype=np.int64), np.array(gains), reasons)


SELECTOR = Selector(
    name="discriminative",
    core=_core,
    version="1",
    needs=frozenset({"embeddings", "labelled"}),
    tasks=frozenset({"text"}),
    stochastic=False,
    nested=True,
    class_floor=False,
    summary="Rows that are easily told from the labelled ones.",
    formula="argmax P(unlabelled | x), in sub-batches",
    paper="Gissin and Shalev-Shwartz, arXiv 1907.06347",
    cost="a head on all rows for each sub-batch",
    options={"batch": 10},
    family=("data-based", "discriminative"),
)
