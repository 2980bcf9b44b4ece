"""A graph of instances: undirected, weighted, kept as compressed rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class InstanceGraph:
    """An undirected graph without self edges, each edge stored from both sides.

    Attributes
    ----------
    ids : ndarray of str, shape (n,)
        Unique instance ids.
    begin : ndarray of int64, shape (n + 1,)
        Row i's entries are ``begin[i]:begin[i + 1]``.
    neighbours : ndarray of int64, shape (entries,)
        Positions, ascending within a row.
    weights : ndarray of float64, shape (entries,)
        Similarity in (0, 1]; equal from both sides.
    parts : ndarray of int64, shape (n,)
        Which part (batch or bucket) each row is in. No edge leaves its part unless
        `overlapping`.
    overlapping : bool
        Whether edges may join two parts, as where several partitions are united.
    """

    ids: NDArray[np.str_]
    begin: NDArray[np.int64]
    neighbours: NDArray[np.int64]
    weights: NDArray[np.float64]
    parts: NDArray[np.int64]
    overlapping: bool = False

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of_edges(
        cls,
        ids: NDArray[np.str_],
        sources: NDArray[np.int64],
        targets: NDArray[np.int64],
        weights: NDArray[np.float64],
        parts: NDArray[np.int64],
        overlapping: bool = False,
    ) -> InstanceGraph:
        """Make a graph of edges in any order and direction; an edge seen twice takes the most.

        Parameters
        ----------
        ids : ndarray of str, shape (n,)
        sources, targets : ndarray of int64, shape (m,)
            Positions; an edge from a row to itself is dropped.
        weights : ndarray of float64, shape (m,)
        parts : ndarray of int64, shape (n,)
        overlapping : bool

        Notes
        -----
        Cost m log m; memory a few arrays of 2 m.
        """
        n = len(ids)
        real = sources != targets
        one, other, weight = sources[real], targets[real], weights[real]
        rows, columns = np.concatenate([one, other]), np.concatenate([other, one])
        both = np.concatenate([weight, weight])
        order = np.lexsort((-both, columns, rows))
        rows, columns, both = rows[order], columns[order], both[order]
        first = np.ones(len(rows), dtype=bool)
        first[1:] = (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])
        rows, columns, both = rows[first], columns[first], both[first]
        begin = np.searchsorted(rows, np.arange(n + 1)).astype(np.int64)
        return cls(ids, begin, columns, both, parts, overlapping)

    def degrees(self) -> NDArray[np.int64]:
        """Return the number of neighbours of each row, shape (n,)."""
        return np.diff(self.begin)

    def edge_rows(self) -> NDArray[np.int64]:
        """Return the row that each entry belongs to, shape (entries,)."""
        return np.repeat(np.arange(len(self)), self.degrees())

    def permuted(self, order: NDArray[np.int64]) -> InstanceGraph:
        """Return the same graph with its rows in another order.

        Parameters
        ----------
        order : ndarray of int64, shape (n,)
            Which present row comes at each place.
        """
        place = np.empty(len(self), dtype=np.int64)
        place[order] = np.arange(len(self))
        once = self.edge_rows() < self.neighbours
        return InstanceGraph.of_edges(
            self.ids[order],
            place[self.edge_rows()[once]],
            place[self.neighbours[once]],
            self.weights[once],
            self.parts[order],
            self.overlapping,
        )
