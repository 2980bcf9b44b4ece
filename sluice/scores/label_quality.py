"""How well a row's given label agrees with the model: low scores are likely label errors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.core.arrays import checked_labels, checked_probabilities, whole_array


def label_quality(
    labels: NDArray[np.int64], probabilities: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Self-confidence: the out-of-fold probability of the given label, by cleanlab.

    Northcutt, Jiang and Chuang, Confident Learning (arXiv 1911.00068), section 3; computed by
    ``cleanlab.rank.get_label_quality_scores(method="self_confidence")``.

    Parameters
    ----------
    labels : ndarray of int64, shape (n,)
        Given class of each row, 0 to C-1.
    probabilities : ndarray of float64, shape (n, C)
        Out-of-fold, or the score rates the model's memory and not the label.

    Returns
    -------
    ndarray of float64, shape (n,)
        In [0, 1]; higher is better.

    Raises
    ------
    DataError
        The probabilities are no probabilities, or a label has no column in them.
    """
    from cleanlab.rank import get_label_quality_scores

    p = checked_probabilities(probabilities)
    codes = checked_labels(whole_array("Labels", labels), len(p), p.shape[1])
    if not len(codes):
        return np.empty(0, dtype=np.float64)
    scores = get_label_quality_scores(codes, p, method="self_confidence")
    return np.asarray(scores, dtype=np.float64)
