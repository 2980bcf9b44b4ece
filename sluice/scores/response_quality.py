"""A quality of responses that needs no judge: how hard, and how much (ours)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import DataError


def response_quality(ifd: NDArray[np.float64], tokens: NDArray[np.float64]) -> NDArray[np.float64]:
    """``log(1 + tokens) * ifd``, and 0 where the prompt does not help.

    Ours, in the place of DEITA's scorers (arXiv:2312.15685): IFD for complexity, and the length
    of the response, which alone is a strong baseline (Zhao et al., arXiv:2402.04833), for quality.

    Parameters
    ----------
    ifd : ndarray of float64, shape (n,)
        See `sluice.scores.s_ifd.ifd`; above 0, or NaN.
    tokens : ndarray of float64, shape (n,)
        Response tokens.

    Returns
    -------
    ndarray of float64, shape (n,)
        At least 0; NaN where `ifd` is.

    Raises
    ------
    DataError
        The two are not of the same rows.
    """
    if ifd.shape != tokens.shape:
        raise DataError(f"There are {len(ifd)} IFDs and {len(tokens)} lengths; give one a row.")
    return np.where(ifd >= 1.0, 0.0, np.log1p(tokens) * ifd)
