"""The exact quantile of more token values than fit in memory, in any order.

The bits of a float that is not negative, read as an integer, ascend with the float. So the upper
16 bits are a histogram whose edges are fixed before any value is seen, and counting the lower
16 bits of its one bin (two, where the quantile lies between two bins) gives the very values:
two passes, and no bin can be too large. A sketch such as a t-digest depends on the order.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError, DataError

CHUNK = 1 << 18
"""Values that are counted at once. No parameter of the result."""

_HALF = 1 << 16


def token_quantile(passes: Callable[[], Iterable[NDArray[np.float32]]], k: float) -> float:
    """Threshold above which lies the share `k` of the absolute token values.

    The quantile 1 - k of ``|values|``, with linear interpolation between the two values next to
    it, as `numpy.quantile` by default. T-SHIRT (arXiv 2506.01317) calls tokens above it
    informative.

    Parameters
    ----------
    passes : callable
        Yields all values anew each time it is called, as float32 arrays of any shapes, cut and
        ordered in any way.
    k : float
        From 0 (the threshold is the greatest value) to 1 (the least).

    Returns
    -------
    float
        The same as ``numpy.quantile(abs(values), 1 - k)`` of all values in float64.

    Raises
    ------
    ConfigError
        `k` is not from 0 to 1.
    DataError
        There is no value, one is NaN or infinite, an array is not float32, or the second pass
        yields other values than the first.

    Notes
    -----
    Cost: two passes. Memory: some 6 MB beside the arrays that `passes` yields.
    """
    if not 0.0 <= k <= 1.0:
        raise ConfigError(f"The share k of informative tokens is {k!r}; give one from 0 to 1.")
    coarse = np.zeros(_HALF, dtype=np.int64)
    for bits in _bits(passes):
        coarse += np.bincount(bits >> 16, minlength=_HALF)
    total = int(coarse.sum())
    if not total:
        raise DataError("There is no token value to take a quantile of; score rows first.")
    # as numpy: the place among the sorted values, from 0
    place = (total - 1) * (1.0 - k)
    low = min(int(place), total - 1)
    below, above = _values_at(passes, coarse, [low, min(low + 1, total - 1)])
    return _between(below, above, place - low)


def _values_at(
    passes: Callable[[], Iterable[NDArray[np.float32]]],
    coarse: NDArray[np.int64],
    ranks: list[int],
) -> list[float]:
    """Return the values at two ranks among the sorted ones, by a second pass over their bins."""
    upto = np.cumsum(coarse)
    bins = [int(np.searchsorted(upto, rank, side="right")) for rank in ranks]
    fine = {number: np.zeros(_HALF, dtype=np.int64) for number in bins}
    for bits in _bits(passes):
        upper = bits >> 16
        for number, counts in fine.items():
            counts += np.bincount(bits[upper == number] & (_HALF - 1), minlength=_HALF)
    if any(counts.sum() != coarse[number] for number, counts in fine.items()):
        raise DataError(
            "The token values changed between two passes; take the quantile once all are stored."
        )
    found: list[float] = []
    for rank, number in zip(ranks, bins, strict=True):
        inside = rank - int(upto[number] - coarse[number])
        lower = int(np.searchsorted(np.cumsum(fine[number]), inside, side="right"))
        found.append(float(np.uint32(number << 16 | lower).view(np.float32)))
    return found


def _between(below: float, above: float, share: float) -> float:
    """Interpolate from the nearer end, as numpy does: never beyond either."""
    step = above - below
    return below + step * share if share < 0.5 else above - step * (1.0 - share)


def _bits(
    passes: Callable[[], Iterable[NDArray[np.float32]]],
) -> Generator[NDArray[np.uint32]]:
    """Yield the bits of all absolute values, some at a time."""
    for values in passes():
        if values.dtype != np.float32:
            raise DataError(f"Token values are {values.dtype}; give arrays of float32.")
        flat = values.ravel()
        for begin in range(0, len(flat), CHUNK):
            part = np.abs(flat[begin : begin + CHUNK])
            if not np.isfinite(part).all():
                raise DataError(
                    "A token value is NaN or infinite; leave out the rows whose losses are not "
                    "finite before taking the quantile."
                )
            yield part.view(np.uint32)
