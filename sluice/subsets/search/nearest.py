"""1-NN under swaps: only the distances of the swapped rows are computed again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sluice.subsets.search.view import View


class OneNearestNeighbour:
    """The class of the nearest kept row; ties go to the lower slot.

    Notes
    -----
    A start costs v b d, a swap of r rows v r d, and b for each judged row whose nearest left.
    Memory v b float32.
    """

    name = "one_nearest_neighbour"

    def __init__(self) -> None:
        self._view: View | None = None
        self._distances = np.empty((0, 0), np.float32)
        self._nearest = np.empty(0, np.int64)

    def start(self, view: View, kept: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
        """See `sluice.subsets.search.consumers.Consumer`."""
        self._view = view
        self._distances = view.distances(view.rows[kept])
        self._nearest = self._distances.argmin(axis=0)
        return view.labels[kept][self._nearest]

    def followers(self, slots: int) -> NDArray[np.int64]:
        """Return how many judged rows are nearest to the row of each slot, shape (slots,)."""
        return np.bincount(self._nearest, minlength=slots).astype(np.int64)

    def trial(
        self, slots: NDArray[np.int64], rows: NDArray[np.int64], kept: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], Callable[[], None]]:
        """See `sluice.subsets.search.consumers.Consumer`."""
        view = self._view
        assert view is not None
        fresh = view.distances(view.rows[rows])
        before = self._distances[slots]
        self._distances[slots] = fresh
        nearest = self._nearest.copy()
        lost = np.flatnonzero(np.isin(nearest, slots))
        nearest[lost] = self._distances[:, lost].argmin(axis=0)
        best = self._distances[nearest, np.arange(len(nearest))]
        new = fresh.argmin(axis=0)
        gap = fresh[new, np.arange(len(nearest))]
        closer = (gap < best) | ((gap == best) & (slots[new] < nearest))
        nearest[closer] = slots[new[closer]]
        self._distances[slots] = before

        def commit() -> None:
            self._distances[slots] = fresh
            self._nearest = nearest

        return view.labels[kept][nearest], commit
