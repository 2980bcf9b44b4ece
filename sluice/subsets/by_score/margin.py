"""Margin sampling: the rows between two classes."""

from __future__ import annotations

import numpy as np

from sluice.subsets.contract import Picks, Pool, Selector


def margin(pool: Pool, budget: int, seed: int) -> Picks:
    """Pick the rows whose two best classes are closest.

    Scheffer, Decomain and Wrobel, Active Hidden Markov Models for Information Extraction
    (2001): ``argmin_i p1(i) - p2(i)``. The score is ``1 - (p1 - p2)``, out of fold, so a row's
    own label never trains the head that rates it. Labels are read through the score alone,
    hence no class floor.

    Parameters
    ----------
    pool : Pool
        Sorted by id, with the score ``margin``.
    budget : int
        From 1 to n.
    seed : int
        Not used: the method is deterministic.

    Returns
    -------
    Picks
        Gain: the margin score.

    Notes
    -----
    Nested. Ties: lower id. Cost n log n.
    """
    scores = pool.scores["margin"]
    positions = np.argsort(-scores, kind="stable")[:budget]
    gains = scores[positions]
    reasons = [
        f"The head's two best classes are only {max(0.0, 1.0 - gain):.3f} apart: "
        f"number {rank} of {len(scores)} in uncertainty."
        for rank, gain in enumerate(gains, start=1)
    ]
    return Picks(positions, gains, reasons)


SELECTOR = Selector(
    name="margin",
    core=margin,
    version="1",
    needs=frozenset({"scores:margin"}),
    tasks=frozenset({"text"}),
    stochastic=False,
    nested=True,
    class_floor=False,
    summary="Rows between two classes, where the head is least sure.",
    formula="argmin_i p1(i) - p2(i)",
    paper="Scheffer, Decomain and Wrobel, IDA 2001",
    cost="n log n beyond the heads",
)
