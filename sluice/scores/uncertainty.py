"""How unsure a classifier is of a row; higher means less sure, for every score here.

Settles, Active Learning Literature Survey (2009), section 3.1. Columns are combined by
element-wise operations in a fixed order, so a row's score does not depend on its batch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.core.arrays import checked_probabilities


def least_confidence(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """One minus the greatest probability: 0 when sure, ``1 - 1/C`` at most.

    Parameters
    ----------
    probabilities : ndarray of float64, shape (n, C)

    Returns
    -------
    ndarray of float64, shape (n,)

    Raises
    ------
    DataError
        See `sluice.core.arrays.checked_probabilities`.
    """
    return 1.0 - checked_probabilities(probabilities).max(axis=1)


def margin(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """One minus the lead of the first class over the second: ``1 - (p1 - p2)``, in [0, 1].

    The survey minimises ``p1 - p2``; it is turned around here so that higher is more
    uncertain, as for the other scores. With one class, p2 is 0.

    Parameters
    ----------
    probabilities : ndarray of float64, shape (n, C)

    Returns
    -------
    ndarray of float64, shape (n,)

    Raises
    ------
    DataError
        See `sluice.core.arrays.checked_probabilities`.
    """
    p = checked_probabilities(probabilities)
    if p.shape[1] == 1:
        return 1.0 - p[:, 0]
    second_first = np.partition(p, -2, axis=1)[:, -2:]
    return 1.0 - (second_first[:, 1] - second_first[:, 0])


def entropy(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shannon entropy in nats: 0 when sure, ``log C`` at most.

    Parameters
    ----------
    probabilities : ndarray of float64, shape (n, C)

    Returns
    -------
    ndarray of float64, shape (n,)

    Raises
    ------
    DataError
        See `sluice.core.arrays.checked_probabilities`.
    """
    p = checked_probabilities(probabilities)
    total = np.zeros(len(p), dtype=np.float64)
    for column in p.T:
        # 0 log 0 is 0
        positive = np.where(column > 0, column, 1.0)
        total -= positive * np.log(positive)
    return np.maximum(total, 0.0)
