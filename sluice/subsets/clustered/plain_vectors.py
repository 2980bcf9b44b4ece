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
