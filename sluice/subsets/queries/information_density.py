"""Information density: uncertain rows that resemble many others.

Settles and Craven, An Analysis of Active Learning Strategies for Sequence Labeling Tasks (EMNLP
2008).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import UnknownNameError
from sluice.scores.uncertainty import entropy, least_confidence, margin
from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.queries.ranked import top_picks

BASES: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "entropy": entropy,
    "least_confidence": least_confidence,
    "margin": margin,
}


def mean_similarity(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean cosine of each row to all rows, itself among them; 0 where it would be negative.

    Negative means have no power and are cut off (ours). The mean of cosines is the product with
    the mean of the unit rows: cost n d, not n^2 d.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, d)

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
    weights = 1.0 / np.where(lengths > 0, lengths, 1.0)
    centre = np.einsum("i,ij->j", weights, rows, dtype=np.float64) / len(rows)
    return np.maximum((rows @ centre) * weights, 0.0)


def _core(pool: Pool, budget: int, seed: int, *, base: str = "entropy", beta: float = 1.0) -> Picks:
    """Ask for the greatest ``u(x) * similarity(x)^beta``; the seed is not used."""
    assert pool.answers is not None
    assert pool.answers.probabilities is not None
    assert pool.embeddings is not None
    if base not in BASES:
        raise UnknownNameError.of("base of information_density", base, list(BASES))
    similarity = mean_similarity(pool.embeddings)
    scores = BASES[base](pool.answers.probabilities) * similarity**beta
    return top_picks(
        scores,
        budget,
        lambda score, at: (
            f"Its {base} times its mean similarity to all rows, "
            f"{similarity[at]:.3f}, is {score:.4f}"
        ),
    )


SELECTOR = Selector(
    name="information_density",
    core=_core,
    version="1",
    needs=frozenset({"embeddings", "answers:probabilities"}),
    tasks=frozenset({"text"}),
    stochastic=False,
    nested=True,
    class_floor=False,
    summary="Uncertain rows that resemble many others.",
    formula="argmax u(x) (1/|U| sum sim(x, x'))^beta",
    paper="Settles and Craven, EMNLP 2008",
    cost="n (C + d)",
    options={"base": "entropy", "beta": 1.0},
    family=("data-based", "representativeness", "density"),
)
