"""How much each cluster weighs after a round of iterative Diversify and Conquer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def updated(
    weights: NDArray[np.float64],
    rewards: NDArray[np.float64],
    *,
    update: str = "paper",
    floor: float = 1e-6,
) -> NDArray[np.float64]:
    """Weights of the clusters after a round.

    paper: ``w_j s_j / sum_c w_c s_c`` with s floored, which is equation 6 brought to sum 1.
    softmax: ``exp(s_j) / sum_c exp(s_c)``.

    A cluster whose s is not known gets the mean of the known ones, weighted by w (ours): in
    update paper just that number leaves its weight as it was. Where no s is known, or all are 0
    under a floor of 0, nothing changes.

    Parameters
    ----------
    weights : ndarray of float64, shape (k,)
        0 or more, sum 1.
    rewards : ndarray of float64, shape (k,)
        s of each cluster; NaN where not known.
    update : {"paper", "softmax"}
    floor : float

    Returns
    -------
    ndarray of float64, shape (k,)
        0 or more, sum 1.
    """
    known = np.isfinite(rewards)
    if not known.any():
        return weights
    s = np.maximum(rewards, floor) if update == "paper" else rewards
    # of clusters that overflow brought in, all weights may be 0: then they count the same
    by = weights[known] if weights[known].sum() > 0 else np.ones(int(known.sum()))
    s = np.where(known, s, np.average(s[known], weights=by))
    if update == "softmax":
        powers = np.exp(s - s.max())
        return powers / powers.sum()
    products = weights * (s / s.max()) if s.max() > 0 else np.zeros(len(s))
    return products / products.sum() if products.sum() > 0 else weights


def cluster_means(
    labels: NDArray[np.int64], rewards: NDArray[np.float64], k: int
) -> NDArray[np.float64]:
    """Mean of the finite rewards of each cluster, NaN where there is none.

    Parameters
    ----------
    labels : ndarray of int64, shape (m,)
    rewards : ndarray of float64, shape (m,)
    k : int
        Clusters there are.

    Returns
    -------
    ndarray of float64, shape (k,)
    """
    finite = np.isfinite(rewards)
    counts = np.bincount(labels[finite], minlength=k)
    totals = np.bincount(labels[finite], weights=rewards[finite], minlength=k)
    return np.where(counts > 0, totals / np.maximum(counts, 1), np.nan)
