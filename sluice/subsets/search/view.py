"""What one stretch of a search looks at."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class View:
    """Rows to keep some of, and rows on which the trained classifiers are judged.

    Attributes
    ----------
    rows : ndarray of float32, shape (n, d)
    labels : ndarray of int64, shape (n,)
        0 to C-1.
    n_classes : int
    judged : ndarray of float32, shape (v, d)
    worth : ndarray of float64, shape (v, C)
        What it is worth to answer class c for a judged row, from 0 to 1.
    across : ndarray of float32, shape (d, v)
        The judged rows as columns.
    norms : ndarray of float32, shape (v,)
        Squared norms of the judged rows.
    """

    rows: NDArray[np.float32]
    labels: NDArray[np.int64]
    n_classes: int
    judged: NDArray[np.float32]
    worth: NDArray[np.float64]
    across: NDArray[np.float32] = field(init=False)
    norms: NDArray[np.float32] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "across", np.ascontiguousarray(self.judged.T))
        object.__setattr__(self, "norms", np.einsum("ij,ij->i", self.judged, self.judged))

    def value(self, predicted: NDArray[np.int64]) -> float:
        """Return the mean worth of some answers, shape (v,)."""
        return float(self.worth[np.arange(len(predicted)), predicted].mean())

    def distances(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Squared Euclidean distances from some rows to the judged ones, shape (r, v)."""
        products = rows @ self.across
        products *= -2.0
        products += self.norms
        products += np.einsum("ij,ij->i", rows, rows)[:, None]
        return np.maximum(products, 0.0, out=products)


def squared_distances(rows: NDArray[np.float32], point: NDArray[np.float32]) -> NDArray[np.float32]:
    """Squared Euclidean distances of some rows to one, shape (n,)."""
    apart = rows - point
    return np.einsum("ij,ij->i", apart, apart)
