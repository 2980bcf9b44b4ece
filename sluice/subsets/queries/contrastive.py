"""Contrastive active learning: the rows whose answer differs most from their neighbours'.

Margatina and others, Active Learning by Acquiring Contrastive Examples (arXiv 2109.03764).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.instance_selection.neighbours import check_neighbours, smallest, squared_blocks
from sluice.subsets.queries.ranked import top_picks

FLOOR = 1e-12
"""Least probability, so that no divergence is infinite."""


def divergence(p: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    """``KL(p || q)`` in nats along the last axis, of probabilities of at least `FLOOR`."""
    p, q = np.maximum(p, FLOOR), np.maximum(q, FLOOR)
    return (p * (np.log(p) - np.log(q))).sum(axis=-1)


def contrastive(
    probabilities: NDArray[np.float64],
    of_labelled: NDArray[np.float64],
    rows: NDArray[np.float32],
    labelled_rows: NDArray[np.float32],
    k: int,
) -> NDArray[np.float64]:
    """Mean divergence from the answers of the nearest labelled rows.

    ``s(x) = (1/k) sum_{j in kNN(x)} KL(p_j || p_x)``, the neighbours among the labelled rows.

    Parameters
    ----------
    probabilities : ndarray of float64, shape (n, C)
    of_labelled : ndarray of float64, shape (m, C)
    rows : ndarray of float32, shape (n, d)
    labelled_rows : ndarray of float32, shape (m, d)
    k : int
        All labelled rows where there are no more.

    Returns
    -------
    ndarray of float64, shape (n,)
        Nats.

    Notes
    -----
    Cost n m d + n k C.
    """
    scores = np.empty(len(rows))
    for part, squared in squared_blocks(rows, labelled_rows):
        near = smallest(squared, k)
        scores[part] = divergence(of_labelled[near], probabilities[part][:, None]).mean(axis=1)
    return scores


def _core(pool: Pool, budget: int, seed: int, *, k: int = 10) -> Picks:
    """Ask for the rows of the greatest score; the seed is not used."""
    assert pool.answers is not None
    assert pool.answers.probabilities is not None
    assert pool.answers.of_labelled is not None
    assert pool.embeddings is not None
    assert pool.labelled is not None
    k = min(check_neighbours(k), len(pool.labelled.ids))
    scores = contrastive(
        pool.answers.probabilities,
        pool.answers.of_labelled,
        pool.embeddings,
        pool.labelled.embeddings,
        k,
    )
    return top_picks(
        scores,
        budget,
        lambda score, _: (
            f"Its answer is {score:.3f} nats from those of its {k} nearest labelled rows"
        ),
    )


SELECTOR = Selector(
    name="contrastive",
    core=_core,
    version="1",
    needs=frozenset({"embeddings", "labelled", "answers:probabilities", "answers:of_labelled"}),
    tasks=frozenset({"text"}),
    stochastic=False,
    nested=True,
    class_floor=False,
    summary="Rows whose answer differs most from those of their nearest labelled rows.",
    formula="argmax mean_{j in kNN(x)} KL(p_j || p_x)",
    paper="Margatina and others, arXiv 2109.03764",
    cost="n m d",
    options={"k": 10},
    family=("prediction-based", "disagreement"),
)
