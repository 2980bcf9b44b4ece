"""How much each training row helps each validation row, by their gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import DataError


@dataclass(frozen=True)
class Influence:
    """Influence of rows on validation rows.

    Attributes
    ----------
    matrix : ndarray of float32 or float64, shape (n, V)
        Positive where a step on the row lowers the loss of the validation row.
    served : tuple of str, length V
        Name of each validation row, for reasons that people read.
    """

    matrix: NDArray[np.floating]
    served: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.matrix)

    def of(self, positions: NDArray[np.int64]) -> Influence:
        """Return the same for some rows, in the order of `positions`."""
        return Influence(self.matrix[positions], self.served)


def influence_of(
    train: Sequence[NDArray[np.float32]],
    validation: Sequence[NDArray[np.float32]],
    weights: Sequence[float],
) -> NDArray[np.float32]:
    """Influence of rows on validation rows: LESS (arXiv:2402.04333), equation 2.

    ``sum over checkpoints of eta * cos(feature of the row, gradient of the validation row)``; a
    feature or gradient of length 0, or not finite, gives 0 or NaN in its row or column.

    Parameters
    ----------
    train : sequence of ndarray of float32, shape (n, d)
        By checkpoint.
    validation : sequence of ndarray of float32, shape (V, d)
        By checkpoint.
    weights : sequence of float
        Learning rate of each checkpoint, averaged over its epoch; only their ratios matter to a
        method that standardises columns.

    Returns
    -------
    ndarray of float32, shape (n, V)

    Raises
    ------
    DataError
        The checkpoints are not of one number, or features differ in length.

    Notes
    -----
    Cost: n V d a checkpoint.
    """
    if not len(train) == len(validation) == len(weights) or not len(train):
        raise DataError(
            f"There are {len(train)}, {len(validation)} and {len(weights)} checkpoints of training "
            "features, validation features and weights; give as many, and at least one."
        )
    total = np.zeros((len(train[0]), len(validation[0])), dtype=np.float32)
    for rows, targets, weight in zip(train, validation, weights, strict=True):
        if rows.shape[1] != targets.shape[1]:
            raise DataError(
                f"Features have {rows.shape[1]} numbers for training rows and {targets.shape[1]} "
                "for validation rows; project both alike."
            )
        total += np.float32(weight) * (_unit(rows) @ _unit(targets).T)
    return total


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    return (rows / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
