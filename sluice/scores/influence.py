"""How much each training row helps each validation row, by their gradients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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
