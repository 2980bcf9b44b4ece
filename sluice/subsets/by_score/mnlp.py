"""The sentences whose tags a tagger is least sure of."""

from __future__ import annotations

import numpy as np

from sluice.subsets.contract import Picks, Pool, Selector


def mnlp(pool: Pool, budget: int, seed: int) -> Picks:
    """Pick the sentences with the highest negated maximum normalised log-probability.

    Shen et al., Deep Active Learning for Named Entity Recognition (arXiv:1707.05928), section 4:
    ``argmax_s -(1/w) sum_i ln max_c p_ic`` over the w words of a sentence, see
    `sluice.tokens.mnlp.mnlp`. The mean over words keeps long sentences from being preferred. Ours:
    sentences without a number, those that the tagger was trained on among them, come last.

    Parameters
    ----------
    pool : Pool
        Sorted by id, with the score ``mnlp``: numbers of 0 or more, or NaN.
    budget : int
        From 1 to n.
    seed : int
        Not used: the method is deterministic.

    Returns
    -------
    Picks
        Gain: the score; 0 where there is none.

    Notes
    -----
    Nested. Ties, and sentences without a number: lower id. Cost n log n.
    """
    values = pool.scores["mnlp"]
    rated = np.isfinite(values)
    positions = np.argsort(np.where(rated, -values, np.inf), kind="stable")[:budget]
    gains = np.where(rated, values, 0.0)[positions]
    reasons = [
        f"Its likeliest tags cost the tagger {gain:.3f} nats a word: number {rank} of "
        f"{rated.sum()} in uncertainty."
        if rated[row]
        else f"Not rated, because the tagger was trained on it or reads no word of it: number "
        f"{rank}, after the {rated.sum()} that are."
        for rank, (row, gain) in enumerate(zip(positions, gains, strict=True), start=1)
    ]
    left = int((~rated[positions]).sum())
    note = f"{left} of the kept rows are not rated: the budget is more than are." if left else ""
    return Picks(positions, gains, reasons, note)


SELECTOR = Selector(
    name="mnlp",
    core=mnlp,
    version="1",
    needs=frozenset({"scores:mnlp"}),
    tasks=frozenset({"tokens"}),
    stochastic=False,
    nested=True,
    class_floor=False,
    summary="Sentences whose tags a tagger, trained on a sample of the rows, is least sure of.",
    formula="argmax_s -(1/w) sum_i ln max_c p_ic",
    paper="Shen et al., arXiv 1707.05928",
    cost="n log n beyond the training of a tagger and a pass of it over the rows",
    sets_aside=True,
)
