"""One scale for all logits: the temperature at which they fit labels best.

Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks (arXiv 1706.04599).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ITERATIONS = 25
LEAST, MOST = -3.0, 8.0
"""Bounds of the logarithm of the scale: perfect logits would have it grow without end."""


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probabilities of logits, row by row, shape (n, C)."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def cross_entropy(logits: NDArray[np.float64], targets: NDArray[np.float64]) -> float:
    """Mean cross-entropy of the softmax of logits to targets.

    Parameters
    ----------
    logits, targets : ndarray of float64, shape (n, C)
        Targets are probabilities; rows of labels hold a single 1.
    """
    most = logits.max(axis=1)
    total = most + np.log(np.exp(logits - most[:, None]).sum(axis=1))
    return float((total - (logits * targets).sum(axis=1)).mean())


def best_scale(logits: NDArray[np.float64], targets: NDArray[np.float64]) -> float:
    """Return the factor of the logits at which their cross-entropy to targets is least.

    The cross-entropy is convex in the factor; Newton's steps in its logarithm, each at most
    0.7 long, so that the factor stays above 0.

    Parameters
    ----------
    logits, targets : ndarray of float64, shape (n, C)

    Returns
    -------
    float
        From exp(-3) to exp(8).

    Notes
    -----
    O(n C) a step, at most `ITERATIONS` of them.
    """
    power = 0.0
    wanted = float((targets * logits).sum())
    for _ in range(ITERATIONS):
        scale = np.exp(power)
        probabilities = softmax(logits * scale)
        mean = (probabilities * logits).sum(axis=1)
        slope = (float(mean.sum()) - wanted) * scale
        spread = float(((probabilities * logits**2).sum(axis=1) - mean**2).sum())
        step = float(np.clip(slope / (spread * scale**2 + 1e-9), -0.7, 0.7))
        moved = float(np.clip(power - step, LEAST, MOST))
        if abs(moved - power) < 1e-3:
            return float(np.exp(moved))
        power = moved
    return float(np.exp(power))
