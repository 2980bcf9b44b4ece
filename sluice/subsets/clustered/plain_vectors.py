"""What methods on clusters share that take plain arrays: vectors, ids by position, counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sluice.core.errors import ConfigError, DataError
from sluice.data.values.number_array import number_array


def vectors(what: str, given: ArrayLike) -> NDArray[np.float32]:
    """Check vectors that came as a plain array.

    Parameters
    ----------
    what : str
        What they are, for the message, for example ``"Embeddings"``.
    given : array-like, shape (n, d)

    Returns
    -------
    ndarray of float32, shape (n, d)

    Raises
    ------
    DataError
        Not numbers, no matrix, empty, or not finite or masked.
    """
    rows = np.ascontiguousarray(number_array(what, given), dtype=np.float32)
    if rows.ndim != 2 or not rows.size:
        raise DataError(f"{what} have shape {rows.shape}; give one vector a row.")
    wrong = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(wrong):
        raise DataError(f"{what}: row {wrong[0]} is not finite; leave it out.")
    return rows


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
