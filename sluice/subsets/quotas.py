"""How many rows each class gets: Webster's divisor method with a floor of one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def class_sequence(sizes: NDArray[np.int64], budget: int) -> NDArray[np.int64]:
    """Class that receives each place, in order of award.

    First every non-empty class receives one place, larger classes first; then each place goes
    to the class with the greatest ``size / (2 s + 1)``, s being its places so far (Webster's,
    also Sainte-Lague's, method in its highest-quotient form, with minimum requirements:
    Balinski and Young, Fair Representation, 1982). A class never receives more places than it
    has rows. Ties go to the lower class code.

    Since places are awarded one by one, the first b entries are the quotas of budget b for
    every b: nested.

    Parameters
    ----------
    sizes : ndarray of int64, shape (C,)
        Rows of each class; empty classes receive nothing.
    budget : int
        Places, from 0 to ``sizes.sum()``.

    Returns
    -------
    ndarray of int64, shape (budget,)

    Raises
    ------
    ValueError
        The budget is negative or above the rows there are.

    Notes
    -----
    Cost n log n. Quotients are compared as float64: equal fractions round to equal floats, and
    distinct ones stay distinct up to about 4e7 rows (two of them differ by 1 / (2 n^2) of
    their size at least).
    """
    counts = np.asarray(sizes, dtype=np.int64)
    if not 0 <= budget <= counts.sum():
        raise ValueError(f"budget {budget} does not fit {int(counts.sum())} rows")
    classes = np.repeat(np.arange(len(counts)), counts)
    nth = np.arange(len(classes)) - np.repeat(np.cumsum(counts) - counts, counts)
    quotient = counts[classes] / (2 * nth + 1)
    # keys from last to first: class code, quotient (for first places: the size), first places
    order = np.lexsort((classes, -quotient, nth > 0))
    return classes[order[:budget]].astype(np.int64)


def class_quotas(sizes: NDArray[np.int64], budget: int) -> NDArray[np.int64]:
    """Places of each class under a budget; see `class_sequence`.

    Parameters
    ----------
    sizes : ndarray of int64, shape (C,)
    budget : int

    Returns
    -------
    ndarray of int64, shape (C,)
        Adds up to `budget`; at least 1 for each non-empty class if the budget allows.
    """
    return np.bincount(class_sequence(sizes, budget), minlength=len(sizes)).astype(np.int64)


def interleave(
    labels: NDArray[np.int64], ranking: NDArray[np.int64], budget: int
) -> NDArray[np.int64]:
    """Pick by rank inside each class, classes taking turns by `class_sequence`: nested.

    Parameters
    ----------
    labels : ndarray of int64, shape (n,)
        Class of each row, 0 to C-1.
    ranking : ndarray of int64, shape (n,)
        All positions, best first.
    budget : int

    Returns
    -------
    ndarray of int64, shape (budget,)
        Positions in rank order.
    """
    sizes = np.bincount(labels)
    by_class = ranking[np.argsort(labels[ranking], kind="stable")]
    begin = np.cumsum(sizes) - sizes
    turns = class_sequence(sizes, budget)
    # the j-th time that a class has its turn, its j-th best row is taken
    order = np.argsort(turns, kind="stable")
    seen = np.bincount(turns, minlength=len(sizes))
    nth = np.empty(budget, dtype=np.int64)
    nth[order] = np.arange(budget) - np.repeat(np.cumsum(seen) - seen, seen)
    return by_class[begin[turns] + nth]
