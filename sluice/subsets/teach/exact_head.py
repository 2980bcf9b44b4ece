"""The head of a subset to the gradient's last bits, and its inverse Hessian: by Newton-CG.

The objective of `sluice.heads.logistic`, which stops by a coarser rule and keeps no Hessian:
``min_W sum_i loss(x_i, y_i; W) + (1 / 2C) |W|^2``, intercepts free. Here all classes have weights,
two classes as well: of a pair (-w / 2, w / 2) the squares add up to half of those of w, so that
the penalty is doubled (Nocedal and Wright, Numerical Optimization, 2006, chapter 7).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sluice.heads.temperature import softmax

STEPS = 30
CG_STEPS = 60
FREE = 1e-6
"""Ridge of the intercepts: next to nothing, for their common shift is otherwise undetermined."""


@dataclass(frozen=True)
class ExactHead:
    """Softmax regression trained on some rows.

    Attributes
    ----------
    rows : ndarray of float64, shape (b, d + 1)
        Those trained on, with a column of ones.
    weights : ndarray of float64, shape (d + 1, C)
    probabilities : ndarray of float64, shape (b, C)
        Of the rows trained on.
    ridge : ndarray of float64, shape (d + 1, 1)
    """

    rows: NDArray[np.float64]
    weights: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    ridge: NDArray[np.float64]

    def curvature(self, towards: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the Hessian times a direction, shape (d + 1, C)."""
        p = self.probabilities
        moved = p * (self.rows @ towards)
        moved -= p * moved.sum(axis=1, keepdims=True)
        return self.rows.T @ moved + self.ridge * towards

    def solve(
        self, target: NDArray[np.float64], *, rtol: float, most: int = CG_STEPS
    ) -> NDArray[np.float64]:
        """Return the inverse Hessian times a vector, by conjugate gradients.

        Parameters
        ----------
        target : ndarray of float64, shape (d + 1, C)
        rtol : float
            Stop when the residual is below this share of the target.
        most : int
            Steps at most.

        Returns
        -------
        ndarray of float64, shape (d + 1, C)

        Notes
        -----
        Preconditioned by the Hessian's diagonal. 4 b d C a step.
        """
        p = self.probabilities
        diagonal = np.square(self.rows).T @ (p * (1 - p)) + self.ridge
        return _conjugate_gradients(self.curvature, target, diagonal, rtol, most)


def fit_exact(
    rows: NDArray[np.float64],
    targets: NDArray[np.float64],
    *,
    C: float = 1.0,
    start: NDArray[np.float64] | None = None,
    tolerance: float = 1e-4,
) -> ExactHead:
    """Train the head.

    Parameters
    ----------
    rows : ndarray of float64, shape (b, d + 1)
        The last column is 1.
    targets : ndarray of float64, shape (b, n_classes)
        1 for the class of each row; every class should have one.
    C : float
        As `sluice.heads.logistic.HeadConfig.C`.
    start : ndarray of float64, shape (d + 1, n_classes), optional
        Weights to start from; it saves time and moves the result within the tolerance only.
    tolerance : float
        Stop when no entry of the gradient is larger.

    Returns
    -------
    ExactHead
    """
    n_classes = targets.shape[1]
    ridge = np.full((rows.shape[1], 1), (2.0 if n_classes == 2 else 1.0) / C)
    ridge[-1] = FREE
    weights = np.zeros((rows.shape[1], n_classes)) if start is None else start
    value, p = _value(rows, targets, ridge, weights)
    for _ in range(STEPS):
        gradient = rows.T @ (p - targets) + ridge * weights
        size = float(np.abs(gradient).max())
        if size < tolerance:
            break
        head = ExactHead(rows, weights, p, ridge)
        step = head.solve(gradient, rtol=min(0.1, 0.3 * size**0.5))
        slope, length = float((gradient * step).sum()), 1.0
        while length > 1e-4:
            there = weights - length * step
            reached, p_there = _value(rows, targets, ridge, there)
            if reached <= value - 1e-4 * length * slope:
                break
            length *= 0.5
        else:
            break  # no step lowers the loss any more: rounding
        weights, value, p = there, reached, p_there
    return ExactHead(rows, weights, p, ridge)


def _value(
    rows: NDArray[np.float64],
    targets: NDArray[np.float64],
    ridge: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> tuple[float, NDArray[np.float64]]:
    """Return the objective, and the probabilities that it takes."""
    logits = rows @ weights
    p = softmax(logits)
    most = logits.max(axis=1)
    total = most + np.log(np.exp(logits - most[:, None]).sum(axis=1))
    loss = float((total - (logits * targets).sum(axis=1)).sum())
    return loss + 0.5 * float((ridge * weights**2).sum()), p


def _conjugate_gradients(
    product: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    target: NDArray[np.float64],
    diagonal: NDArray[np.float64],
    rtol: float,
    most: int,
) -> NDArray[np.float64]:
    found, residual = np.zeros_like(target), target.copy()
    enough = rtol * float(np.sqrt(np.square(target).sum()))
    scaled = residual / diagonal
    towards, power = scaled, float((residual * scaled).sum())
    for _ in range(most):
        if power <= 0.0 or float(np.sqrt(np.square(residual).sum())) <= enough:
            break
        image = product(towards)
        length = power / float((towards * image).sum())
        found += length * towards
        residual -= length * image
        scaled = residual / diagonal
        before, power = power, float((residual * scaled).sum())
        towards = scaled + power / before * towards
    return found
