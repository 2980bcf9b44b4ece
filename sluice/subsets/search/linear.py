"""Logistic regression under swaps: it starts from the weights of the subset before."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sluice.subsets.search.view import View

ITERATIONS = 15
TOLERANCE = 1e-2
MEMORY = 6

Loss = Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]]


class Logistic:
    """Multinomial logistic regression, scikit-learn's objective with C = 1.

    ``min_W  sum_i log-loss(x_i, y_i) + |W|^2 / 2``, the intercepts free; two classes share one
    weight vector. L-BFGS from the last weights, preconditioned by Böhning's bound on the
    Hessian (Annals of the Institute of Statistical Mathematics 44, 1992), which is factorised
    once a start. SciPy's L-BFGS-B takes as long from the same weights.

    Notes
    -----
    A trial costs b d C for each iteration and v d C for the answers; a start d^3 more.
    """

    name = "logistic"

    def __init__(self) -> None:
        self._view: View | None = None
        self._weights = np.empty((0, 0))
        self._inverse = np.empty((0, 0))

    def start(self, view: View, kept: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
        """See `sluice.subsets.search.consumers.Consumer`."""
        self._view = view
        columns = 1 if view.n_classes == 2 else view.n_classes
        rows = _wide(view.rows[kept])
        bound = (0.25 if columns == 1 else 0.5) * (rows.T @ rows)
        bound[np.diag_indices_from(bound)] += 1.0
        self._inverse = np.asarray(np.linalg.inv(bound), np.float64)
        self._weights = np.zeros((rows.shape[1], columns))
        predicted, commit = self._trained(kept, 4 * ITERATIONS)
        commit()
        return predicted

    def trial(
        self, slots: NDArray[np.int64], rows: NDArray[np.int64], kept: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], Callable[[], None]]:
        """See `sluice.subsets.search.consumers.Consumer`."""
        return self._trained(kept, ITERATIONS)

    def _trained(
        self, kept: NDArray[np.int64], iterations: int
    ) -> tuple[NDArray[np.int64], Callable[[], None]]:
        view = self._view
        assert view is not None
        labels = view.labels[kept]
        loss = binary_loss if view.n_classes == 2 else multinomial_loss
        inside = _wide(view.rows[kept])
        across = np.ascontiguousarray(inside.T)
        weights = minimise(
            lambda w: loss(w, inside, across, labels), self._weights, self._inverse, iterations
        )
        table = weights.astype(np.float32)
        scores = table[:-1].T @ view.across + table[-1][:, None]
        if view.n_classes == 2:
            predicted = (scores[0] > 0).astype(np.int64)
        else:
            absent = np.bincount(labels, minlength=view.n_classes) == 0
            scores[absent] = -np.inf
            predicted = scores.argmax(axis=0)

        def commit() -> None:
            self._weights = weights

        return predicted, commit


def _wide(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Append a column of ones, for the intercept."""
    return np.hstack([rows.astype(np.float64), np.ones((len(rows), 1))])


def binary_loss(
    weights: NDArray[np.float64],
    rows: NDArray[np.float64],
    across: NDArray[np.float64],
    labels: NDArray[np.int64],
) -> tuple[float, NDArray[np.float64]]:
    """Penalised log-loss of two classes and its gradient; the last weight is the intercept."""
    signs = 2.0 * labels - 1.0
    margins = signs * (rows @ weights[:, 0])
    gradient = across @ (-signs / (1.0 + np.exp(np.clip(margins, -500, 500))))
    inner = weights[:-1, 0]
    gradient[:-1] += inner
    loss = np.logaddexp(0.0, -margins).sum() + 0.5 * (inner @ inner)
    return float(loss), gradient[:, None]


def multinomial_loss(
    weights: NDArray[np.float64],
    rows: NDArray[np.float64],
    across: NDArray[np.float64],
    labels: NDArray[np.int64],
) -> tuple[float, NDArray[np.float64]]:
    """Penalised log-loss of several classes and its gradient; the last row: intercepts."""
    scores = rows @ weights
    scores -= scores.max(axis=1, keepdims=True)
    at = np.arange(len(rows)), labels
    own = scores[at]
    np.exp(scores, out=scores)
    totals = scores.sum(axis=1)
    loss = np.log(totals).sum() - own.sum() + 0.5 * (weights[:-1] ** 2).sum()
    scores /= totals[:, None]
    scores[at] -= 1.0
    gradient = across @ scores
    gradient[:-1] += weights[:-1]
    return float(loss), gradient


def minimise(
    loss: Loss,
    start: NDArray[np.float64],
    inverse: NDArray[np.float64],
    iterations: int,
) -> NDArray[np.float64]:
    """L-BFGS (Nocedal and Wright, Numerical Optimization, algorithm 7.5) with backtracking.

    Parameters
    ----------
    loss : callable
        Returns the value and the gradient.
    start : ndarray of float64, shape (d, C)
    inverse : ndarray of float64, shape (d, d)
        First guess of the inverse Hessian, the same for each column.
    iterations : int

    Returns
    -------
    ndarray of float64, shape (d, C)
        Within `TOLERANCE` of a zero gradient, or after the last iteration.
    """
    at, (value, gradient) = start, loss(start)
    steps: list[tuple[NDArray[np.float64], NDArray[np.float64], float]] = []
    for _ in range(iterations):
        if np.abs(gradient).max() < TOLERANCE:
            break
        direction = -_two_loops(gradient, steps, inverse)
        slope = float(np.vdot(direction, gradient))
        length, moved = 1.0, None
        for _ in range(12):
            candidate = at + length * direction
            there, slope_there = loss(candidate)
            if there <= value + 1e-4 * length * slope:
                moved = candidate, there, slope_there
                break
            length *= 0.5
        if moved is None:
            break
        change, turn = moved[0] - at, moved[2] - gradient
        curvature = float(np.vdot(change, turn))
        if curvature > 1e-12:
            steps = [*steps[1 - MEMORY :], (change, turn, 1.0 / curvature)]
        at, value, gradient = moved
    return at


def _two_loops(
    gradient: NDArray[np.float64],
    steps: list[tuple[NDArray[np.float64], NDArray[np.float64], float]],
    inverse: NDArray[np.float64],
) -> NDArray[np.float64]:
    towards = gradient.copy()
    factors: list[float] = []
    for change, turn, scale in reversed(steps):
        factor = scale * float(np.vdot(change, towards))
        towards -= factor * turn
        factors.append(factor)
    towards = inverse @ towards
    for (change, turn, scale), factor in zip(steps, reversed(factors), strict=True):
        towards += (factor - scale * float(np.vdot(turn, towards))) * change
    return towards
