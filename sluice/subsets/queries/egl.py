"""Expected gradient length: the rows whose label would change the model most.

Settles, Craven and Ray, Multiple-Instance Active Learning (NeurIPS 2007).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.queries.ranked import top_picks


def expected_length(
    probabilities: NDArray[np.float64], lengths: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mean length of a gradient over the labels that a row may have: ``sum_y p(y|x) |g_y|``.

    Parameters
    ----------
    probabilities : ndarray of float64, shape (n, C)
    lengths : ndarray of float64, shape (n, C)
        Euclidean length of the loss's gradient, were the label c.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    return (probabilities * lengths).sum(axis=1)


def _core(pool: Pool, budget: int, seed: int) -> Picks:
    """Ask for the rows of the greatest score; the seed is not used."""
    assert pool.answers is not None
    assert pool.answers.probabilities is not None
    # the length of a whole is the root of the sum of its parts' squares
    whole = np.sqrt(np.sum([each**2 for each in pool.answers.layers.values()], axis=0))
    return top_picks(
        expected_length(pool.answers.probabilities, whole),
        budget,
        lambda score, _: f"Its label is expected to move the model by a gradient of {score:.3f}",
    )


SELECTOR = Selector(
    name="egl",
    core=_core,
    version="1",
    needs=frozenset({"answers:probabilities", "answers:layers"}),
    tasks=frozenset({"text"}),
    stochastic=False,
    nested=True,
    class_floor=False,
    summary="Rows whose label would change the model most.",
    formula="argmax sum_y p(y|x) |grad loss(x, y)|",
    paper="Settles, Craven and Ray, NeurIPS 2007",
    cost="n C beyond the gradients",
    family=("model-based", "expected parameter change"),
)
