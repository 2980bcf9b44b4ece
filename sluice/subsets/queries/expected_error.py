"""Expected error reduction: the rows after whose label the model would err least.

Roy and McCallum, Toward Optimal Active Learning through Sampling Estimation of Error Reduction
(ICML 2001): for each candidate and each label that it may have, a head is trained with it, and
the error that it expects of itself on the pool is weighted by the label's probability.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.core.progress import track
from sluice.core.randomness import keyed_uniform
from sluice.heads.answers import Labelled
from sluice.heads.logistic import fit_head
from sluice.subsets.clustered.plain_vectors import whole
from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.queries.ranked import top, top_picks


def expected_error(
    probabilities: NDArray[np.float64],
    candidates: NDArray[np.float32],
    judges: NDArray[np.float32],
    labelled: Labelled,
) -> NDArray[np.float64]:
    """Error that is expected after a label: ``sum_y p(y|x) mean_x' (1 - max_c p_{+(x,y)}(c|x'))``.

    Parameters
    ----------
    probabilities : ndarray of float64, shape (c, C)
        Of the candidates, by the present model.
    candidates : ndarray of float32, shape (c, d)
    judges : ndarray of float32, shape (j, d)
        Rows on which the error is expected.
    labelled : Labelled

    Returns
    -------
    ndarray of float64, shape (c,)
        From 0 to 1.

    Notes
    -----
    c C trainings of the logistic head on m + 1 rows. A label of probability 0 is left out.
    """
    errors = np.zeros(len(candidates))
    rows = np.vstack([labelled.embeddings, candidates[:1]])
    with track("expected error", len(candidates)) as advance:
        for i, chances in enumerate(probabilities):
            rows[-1] = candidates[i]
            for label in np.flatnonzero(chances > 0):
                labels = np.append(labelled.labels, label)
                head = fit_head(rows, labels, labelled.n_classes)
                sure = head.predict_proba(judges).max(axis=1)
                errors[i] += chances[label] * float((1.0 - sure).mean())
            advance()
    return errors


def _core(pool: Pool, budget: int, seed: int, *, candidates: int = 500, judges: int = 500) -> Picks:
    """Ask for the candidates of the least expected error.

    Candidates, never fewer than the budget, and the rows on which the error is expected are
    keyed samples (ours).
    """
    assert pool.answers is not None
    assert pool.answers.probabilities is not None
    assert pool.embeddings is not None
    assert pool.labelled is not None
    n = len(pool.ids)
    tried = max(budget, min(whole("candidates", candidates), n))
    draws = keyed_uniform(seed, pool.ids)
    at = np.sort(top(draws, tried))
    judged = np.sort(top(1.0 - draws, min(whole("judges", judges), n)))
    errors = expected_error(
        pool.answers.probabilities[at], pool.embeddings[at], pool.embeddings[judged], pool.labelled
    )
    picks = top_picks(
        -errors,
        budget,
        lambda score, _: (
            f"With its label the head expects {-score:.4f} errors a "
            f"row, of {tried} candidates drawn"
        ),
    )
    return Picks(at[picks.positions], picks.gains, picks.reasons)


SELECTOR = Selector(
    name="expected_error_reduction",
    core=_core,
    version="1",
    needs=frozenset({"embeddings", "labelled", "answers:probabilities"}),
    tasks=frozenset({"text"}),
    stochastic=True,
    nested=False,
    class_floor=False,
    summary="Rows after whose label the model would expect to err least.",
    formula="argmin E_y sum_x' (1 - max p_{+(x,y)}(x'))",
    paper="Roy and McCallum, ICML 2001",
    cost="a head for each candidate and class",
    options={"candidates": 500, "judges": 500},
    family=("prediction-based", "expected error"),
)
