"""Standardising one feature, whatever its magnitude."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST = 1e6
"""Standardised values end here (ours): their squares still fit into a float32."""


@dataclass(frozen=True)
class Scale:
    """``z = (u - mean) / deviation`` of ``u = (x - low) / (high - low)``, which is 0 to 1.

    The same as scikit-learn's ``StandardScaler`` (population standard deviation), but that no
    finite values overflow and that a large common part of the values costs no precision.

    Attributes
    ----------
    low, high : float
        Least and greatest value when it was fitted; equal where the feature was constant.
    mean, deviation : float
        Of `u`. The deviation is 0 just where the feature was constant.
    """

    low: float
    high: float
    mean: float
    deviation: float

    @classmethod
    def of(cls, ordered: NDArray[np.float64]) -> Scale:
        """Fit to at least one finite value, ascending."""
        low, high = float(ordered[0]), float(ordered[-1])
        constant = cls(low, high, 0.0, 0.0)
        if high / 2 == low / 2:
            return constant
        units = constant.units(ordered)
        return cls(low, high, float(units.mean()), float(units.std()))

    @classmethod
    def of_share(cls, share: float) -> Scale:
        """Fit to ones and zeros, of which `share` are ones."""
        if share in (0.0, 1.0):
            return cls(share, share, 0.0, 0.0)
        return cls(0.0, 1.0, share, float(np.sqrt(share * (1.0 - share))))

    @property
    def constant(self) -> bool:
        """Whether all values were the same, so that the feature says nothing."""
        return self.deviation == 0.0

    def units(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ``u`` of each value."""
        with np.errstate(over="ignore"):
            # Halves, because the difference of two finite numbers may overflow.
            return (values / 2 - self.low / 2) / (self.high / 2 - self.low / 2)

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float32]:
        """Standardise values, at most `MOST` from 0; elementwise, so no batch changes a bit."""
        with np.errstate(over="ignore"):
            standard = (self.units(values) - self.mean) / self.deviation
        return np.clip(standard, -MOST, MOST).astype(np.float32)
