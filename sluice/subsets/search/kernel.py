"""A least-squares kernel machine under swaps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sluice.subsets.search.view import View

RIDGE = 1.0
"""Added to the diagonal: as an SVM's C of 1 bounds its weights (ours)."""


class KernelRidge:
    """Regularised least squares in an RBF kernel, one output a class (an LS-SVM).

    ``f(x) = sum_j k(x, x_j) w_jc`` with ``(K + I) W = Y``, Y in {-1, 1}, and
    ``k(x, y) = exp(-|x - y|^2 / d)``: on standardised columns 1/d is scikit-learn's
    ``gamma="scale"``. Suykens and Vandewalle, Neural Processing Letters 9(3), 1999.

    Notes
    -----
    A trial costs 2 b^3 / 3 for the system, v b C for the answers and v r d for the rows that
    changed. Memory v b float32.
    """

    name = "kernel_ridge"

    def __init__(self) -> None:
        self._view: View | None = None
        self._gamma = 1.0
        self._judged = np.empty((0, 0), np.float32)
        self._system = np.empty((0, 0), np.float64)

    def start(self, view: View, kept: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
        """See `sluice.subsets.search.consumers.Consumer`."""
        self._view = view
        self._gamma = 1.0 / view.rows.shape[1]
        rows = view.rows[kept]
        self._judged = self._to_judged(rows)
        self._system = self._among(rows, rows)
        self._system[np.diag_indices_from(self._system)] += RIDGE
        return self._answers(self._system, kept)

    def trial(
        self, slots: NDArray[np.int64], rows: NDArray[np.int64], kept: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], Callable[[], None]]:
        """See `sluice.subsets.search.consumers.Consumer`."""
        view = self._view
        assert view is not None
        fresh = self._to_judged(view.rows[rows])
        system = self._system.copy()
        among = self._among(view.rows[rows], view.rows[kept])
        system[slots] = among
        system[:, slots] = among.T
        system[slots, slots] += RIDGE
        before = self._judged[slots]
        self._judged[slots] = fresh
        predicted = self._answers(system, kept)
        self._judged[slots] = before

        def commit() -> None:
            self._judged[slots] = fresh
            self._system = system

        return predicted, commit

    def _to_judged(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        assert self._view is not None
        distances = self._view.distances(rows)
        distances *= -self._gamma
        return np.exp(distances, out=distances)

    def _among(self, rows: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float64]:
        one, other = rows.astype(np.float64), others.astype(np.float64)
        distances = -2.0 * (one @ other.T)
        distances += np.einsum("ij,ij->i", one, one)[:, None]
        distances += np.einsum("ij,ij->i", other, other)
        return np.exp(-self._gamma * np.maximum(distances, 0.0))

    def _answers(self, system: NDArray[np.float64], kept: NDArray[np.int64]) -> NDArray[np.int64]:
        view = self._view
        assert view is not None
        targets = np.where(view.labels[kept][:, None] == np.arange(view.n_classes), 1.0, -1.0)
        weights = np.linalg.solve(system, targets).astype(np.float32)
        return (weights.T @ self._judged).argmax(axis=0)
