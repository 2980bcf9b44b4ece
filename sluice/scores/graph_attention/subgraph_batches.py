"""Cutting a graph of instances into packs: the rows that one step of training sees together.

A network on a graph needs the rows that exchange messages in memory at the same time. Whole
connected components are packed, so no message is lost; see `packs_of` for what is too large.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.graphs.instance_graphs.instance_graph import InstanceGraph

PACK = 2048
"""Rows of a pack where small components fill it up, or where a large one is cut."""

WHOLE = 8192
"""Rows up to which a component stays whole."""


@dataclass(frozen=True)
class Pack:
    """The rows of one step, with all edges among them, from both sides, and self edges.

    Attributes
    ----------
    positions : ndarray of int64, shape (m,)
        Rows in the table.
    begin : ndarray of int64, shape (m + 1,)
        Row i attends to the entries ``begin[i]:begin[i + 1]``, never none.
    columns : ndarray of int64, shape (entries,)
        Attended rows, as places in `positions`, ascending within a row.
    mirror : ndarray of int64, shape (entries,)
        Where the entry (j, i) is, for each entry (i, j).
    """

    positions: NDArray[np.int64]
    begin: NDArray[np.int64]
    columns: NDArray[np.int64]
    mirror: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.positions)

    def rows(self) -> NDArray[np.int64]:
        """Return the place of the row that each entry belongs to, shape (entries,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.begin))


@dataclass(frozen=True)
class Packs:
    """All packs of a graph: each row is in one.

    Attributes
    ----------
    positions : ndarray of int64, shape (n,)
        Rows, pack by pack.
    starts : ndarray of int64, shape (packs + 1,)
        Pack p has the rows ``positions[starts[p]:starts[p + 1]]``.
    begin : ndarray of int64, shape (n + 1,)
    columns, mirror : ndarray of int32, shape (entries,)
        As in `Pack`, for all packs one after another.
    cut : int
        Edges between two packs, which no step sees.
    """

    positions: NDArray[np.int64]
    starts: NDArray[np.int64]
    begin: NDArray[np.int64]
    columns: NDArray[np.int32]
    mirror: NDArray[np.int32]
    cut: int

    def __len__(self) -> int:
        return len(self.starts) - 1

    def pack(self, number: int) -> Pack:
        """Return one pack."""
        first, last = int(self.starts[number]), int(self.starts[number + 1])
        begin = self.begin[first : last + 1]
        entries = slice(int(begin[0]), int(begin[-1]))
        return Pack(
            self.positions[first:last],
            begin - begin[0],
            self.columns[entries].astype(np.int64),
            self.mirror[entries].astype(np.int64),
        )


def packs_of(graph: InstanceGraph, pack: int = PACK, whole: int = WHOLE) -> Packs:
    """Cut a graph into packs.

    Components are taken in the order of their first part and put together up to `pack` rows. A
    component of more than `whole` rows, as where parts overlap, is cut into runs of `pack` rows
    in the order of their parts; edges between two runs are left out and counted (ours).

    Parameters
    ----------
    graph : InstanceGraph
        Rows sorted by id.
    pack, whole : int
        Rows; `whole` at least `pack`.

    Notes
    -----
    Cost n + edges log edges; memory about ten arrays of both directions of the edges, one of
    which stays.
    """
    order, starts = _layout(graph, pack, whole)
    n = len(graph)
    place = np.empty(n, dtype=np.int64)
    place[order] = np.arange(n)
    home = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    rows = np.concatenate([place[graph.edge_rows()], np.arange(n)])
    columns = np.concatenate([place[graph.neighbours], np.arange(n)])
    inside = home[rows] == home[columns]
    cut = int((~inside).sum()) // 2
    if cut:
        rows, columns = rows[inside], columns[inside]
    by_row = np.argsort(rows * n + columns, kind="stable")
    rows, columns = rows[by_row], columns[by_row]
    del by_row
    # entries sorted by column stand where their mirrors stand when sorted by row
    mirror = np.argsort(columns * n + rows, kind="stable")
    begin = np.searchsorted(rows, np.arange(n + 1)).astype(np.int64)
    first = starts[home[rows]]
    return Packs(
        positions=order,
        starts=starts,
        begin=begin,
        columns=(columns - first).astype(np.int32),
        mirror=(mirror - begin[first]).astype(np.int32),
        cut=cut,
    )


def _layout(
    graph: InstanceGraph, pack: int, whole: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows in the order of their packs, and where each pack starts."""
    n = len(graph)
    component = _components(graph)
    first_part = np.full(int(component.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first_part, component, graph.parts)
    order = np.lexsort((np.arange(n), graph.parts, component, first_part[component]))
    pieces = np.diff(np.flatnonzero(np.diff(component[order], prepend=-1, append=-1)))
    packs: list[int] = []
    for size in pieces.tolist():
        runs = [size]
        if size > whole:
            runs = [pack] * (size // pack) + [size % pack] * (size % pack > 0)
        for run in runs:
            if packs and packs[-1] + run <= pack:
                packs[-1] += run
            else:
                packs.append(run)
    return order, np.cumsum([0, *packs]).astype(np.int64)


def _components(graph: InstanceGraph) -> NDArray[np.int64]:
    """Connected component of each row, shape (n,)."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    n = len(graph)
    ones = np.ones(len(graph.neighbours), dtype=np.int8)
    pattern: Any = csr_array((ones, graph.neighbours, graph.begin), shape=(n, n))
    return connected_components(pattern, directed=False)[1].astype(np.int64)
