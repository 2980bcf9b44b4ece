"""What methods on clusters share that take plain arrays: ids by position, counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError


def position_ids(n: int) -> NDArray[np.str_]:
    """Ids of rows that have none: their positions, which key the randomness, shape (n,)."""
    return np.arange(n).astype(np.str_)


def whole(name: str, value: object) -> int:
    """Check an option that counts something.

    Parameters
    ----------
    name : str
        Of the option, for the message.
    value : object

    Returns
    -------
    int
        1 or more.

    Raises
    ------
    ConfigError
        No whole number of 1 or more.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ConfigError(f"{name} is {value!r}; give a whole number of 1 or more.")
    return int(value)


SIGNIFICANT = 18
"""Binary digits of a value by `scale_free`: of the 24 of a float32, scaling moves the last one."""


def scale_free(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Divide rows by their largest value and round, so that no scale of theirs moves a tie.

    Rows that tie for a place do not any more once they are multiplied by 0.001 in float32 (ours).

    Parameters
    ----------
    rows : ndarray of float32, shape (n, d)

    Returns
    -------
    ndarray of float32, shape (n, d)
        Within -1 and 1, each with `SIGNIFICANT` binary digits; all zeros stay so.
    """
    largest = float(np.abs(rows).max(initial=0.0))
    mantissa, exponent = np.frexp(rows.astype(np.float64) / (largest or 1.0))
    whole_part = np.round(np.ldexp(mantissa, SIGNIFICANT))
    return np.ldexp(whole_part, exponent - SIGNIFICANT).astype(np.float32)
