"""How many rows each cluster gives: the method of largest remainders, with overflow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def largest_remainder(
    weights: NDArray[np.float64], budget: int, sizes: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Share a budget out in proportion to weights, exactly.

    Each cluster's quota is ``w_j b / sum_c w_c``, rounded down; the places that are left go to
    the greatest remainders (Hamilton's method; ties: lower cluster). A cluster whose share
    exceeds its rows gives them all, and what it lacks is shared out anew among the others in
    proportion to their weights. Where only clusters of weight 0 have rows left, these share by
    their sizes (overflow and weight 0: ours).

    Parameters
    ----------
    weights : ndarray of float64, shape (k,)
        Finite, 0 or more.
    budget : int
        Places, from 0 to ``sizes.sum()``.
    sizes : ndarray of int64, shape (k,)
        Rows that each cluster can give.

    Returns
    -------
    ndarray of int64, shape (k,)
        Adds up to `budget`; never above `sizes`.

    Raises
    ------
    ValueError
        The budget is negative or above the rows there are.

    Notes
    -----
    Cost k log k for each time that clusters overflow, k times at most. Not nested over budgets:
    the method is known to take a place away when the budget grows (the Alabama paradox).
    """
    if not 0 <= budget <= sizes.sum():
        raise ValueError(f"budget {budget} does not fit {int(sizes.sum())} rows")
    places = np.zeros(len(sizes), dtype=np.int64)
    left, free = budget, sizes > 0
    while left:
        share = np.where(free, weights, 0.0)
        if not share.any():
            share = np.where(free, sizes, 0).astype(np.float64)
        awarded = _hamilton(share, left)
        over = awarded > np.where(free, sizes, 0)
        if not over.any():
            return places + awarded
        # full clusters are settled; the others are counted anew with what is left
        places[over] = sizes[over]
        left -= int(sizes[over].sum())
        free &= ~over
    return places


def _hamilton(weights: NDArray[np.float64], budget: int) -> NDArray[np.int64]:
    """Shares without a limit; some weight is above 0."""
    # by a power of two, which is exact: no product overflows and no sum vanishes
    scaled = np.ldexp(weights, -int(np.frexp(weights.max())[1]))
    products, total = scaled * budget, scaled.sum()
    # fmod is exact, so equal remainders of whole numbers are equal floats
    rests = np.fmod(products, total)
    floors = np.rint((products - rests) / total).astype(np.int64)
    order = np.lexsort((np.arange(len(rests)), -rests, scaled == 0))
    floors[order[: budget - int(floors.sum())]] += 1
    return floors


def turns(
    labels: NDArray[np.int64], ranking: NDArray[np.int64], places: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Best rows of each cluster: first the best one of every cluster, then the second ones.

    Parameters
    ----------
    labels : ndarray of int64, shape (n,)
    ranking : ndarray of int64, shape (m,)
        Positions, best first.
    places : ndarray of int64, shape (k,)
        Rows wanted of each cluster, no more than are ranked.

    Returns
    -------
    ndarray of int64, shape (places.sum(),)
    """
    own = labels[ranking]
    order = np.argsort(own, kind="stable")
    sizes = np.bincount(own, minlength=len(places))
    nth = np.empty(len(ranking), dtype=np.int64)
    nth[order] = np.arange(len(ranking)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    kept = np.flatnonzero(nth < places[own])
    return ranking[kept[np.lexsort((own[kept], nth[kept]))]]
