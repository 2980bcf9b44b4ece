"""Rows between rows: what a subset is judged by besides the training rows themselves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = 10
LOOKED_AT = 20_000


def crossed(rows: NDArray[np.float32], count: int, seed: int) -> NDArray[np.float32]:
    """Cross rows with rows near them: each column of a new row is from one or the other.

    Uniform crossover (Syswerda, ICGA 1989) of neighbours, in place of SMOTE's straight lines
    (Chawla et al., 2002), so that a column holds values that occur. Without such rows a search
    over few training rows learns their accidents (ours).

    Parameters
    ----------
    rows : ndarray of float32, shape (n, d)
    count : int
    seed : int

    Returns
    -------
    ndarray of float32, shape (count, d); none where there is one row only.

    Notes
    -----
    Neighbours are sought among `LOOKED_AT` rows: count times that, times d.
    """
    from sklearn.neighbors import NearestNeighbors

    n = len(rows)
    if n < 2:
        return np.empty((0, rows.shape[1]), np.float32)
    draw = np.random.default_rng([seed, 6])
    looked = draw.permutation(n)[:LOOKED_AT]
    one = looked[draw.integers(len(looked), size=count)]
    index = NearestNeighbors(n_neighbors=min(NEIGHBOURS + 1, len(looked)), algorithm="brute")
    near = index.fit(rows[looked]).kneighbors(rows[one], return_distance=False)
    # the first is the row itself, or one that equals it
    other = looked[near[np.arange(count), draw.integers(1, near.shape[1], size=count)]]
    first = draw.random((count, rows.shape[1])) < 0.5
    return np.where(first, rows[one], rows[other]).astype(np.float32)
