"""Graphs made part by part: rows are partitioned, each part gives edges, the edges are united."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.graphs.instance_graphs.instance_graph import InstanceGraph


@dataclass(frozen=True)
class Part:
    """Rows that are compared with one another: a batch or a bucket.

    Attributes
    ----------
    key : str
        Its name, unique in its graph.
    positions : ndarray of int64, shape (size,)
        Its rows, ascending.
    """

    key: str
    positions: NDArray[np.int64]


@dataclass(frozen=True)
class Edges:
    """Undirected edges inside one part, each once.

    Attributes
    ----------
    sources, targets : ndarray of int64, shape (m,)
        Positions within the part.
    weights : ndarray of float64, shape (m,)
        In (0, 1].
    """

    sources: NDArray[np.int64]
    targets: NDArray[np.int64]
    weights: NDArray[np.float64]


@dataclass(frozen=True)
class GraphMethod:
    """One registered way to make a graph.

    Attributes
    ----------
    name : str
        As it is spelt in ``graph=``.
    version : str
        Changes whenever the same input may give other edges.
    summary, formula, paper, cost : str
        For people: one line each.
    options : mapping of str to object
        Keyword options with their defaults; each of the three functions takes them all.
    check : callable
        ``check(**options)`` raises ConfigError where a value is wrong.
    partition : callable
        ``partition(ids, rows, labels, seed, **options) -> list[Part]``; rows are float32 of
        shape (n, d), sorted by id.
    edges : callable
        ``edges(rows_of_part, ids_of_part, seed, key, **options) -> Edges``. A pure function of
        the part's own content, in any row order: a part that did not change keeps its edges.
    unite : callable
        ``unite(ids, parts, edges, **options) -> InstanceGraph``, `edges` one for each part.
    """

    name: str
    version: str
    summary: str
    formula: str
    paper: str
    cost: str
    options: Mapping[str, Any]
    check: Callable[..., object]
    partition: Callable[..., list[Part]]
    edges: Callable[..., Edges]
    unite: Callable[..., InstanceGraph]


def grouped(codes: NDArray[np.int64], name: Callable[[int], str]) -> list[Part]:
    """Group rows by an integer code; parts ascend by code, and no part is empty.

    Parameters
    ----------
    codes : ndarray of int64, shape (n,)
    name : callable
        Key of the part of a code.
    """
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=ordered[:1] - 1))
    members = np.split(order, starts[1:])
    return [Part(name(int(ordered[at])), rows) for at, rows in zip(starts, members, strict=True)]


def first_part(n: int, parts: Sequence[Part]) -> NDArray[np.int64]:
    """Index of the first part that holds each row; ``len(parts)`` for a row in none, shape (n,)."""
    index = np.full(n, len(parts), dtype=np.int64)
    for number in range(len(parts) - 1, -1, -1):
        index[parts[number].positions] = number
    return index


def joined(parts: Sequence[Part], edges: Sequence[Edges]) -> Edges:
    """Edges of all parts, with positions in the whole table."""
    none, empty = np.empty(0, dtype=np.int64), np.empty(0)
    pairs = list(zip(parts, edges, strict=True))
    return Edges(
        np.concatenate([none, *(part.positions[each.sources] for part, each in pairs)]),
        np.concatenate([none, *(part.positions[each.targets] for part, each in pairs)]),
        np.concatenate([empty, *(each.weights for each in edges)]),
    )


def unite_disjoint(
    ids: NDArray[np.str_], parts: Sequence[Part], edges: Sequence[Edges], **options: Any
) -> InstanceGraph:
    """Unite the edges of parts of which each row is in one.

    Parameters
    ----------
    ids : ndarray of str, shape (n,)
    parts : sequence of Part
    edges : sequence of Edges
        One for each part.
    **options : object
        Not used.
    """
    every = joined(parts, edges)
    return InstanceGraph.of_edges(
        ids, every.sources, every.targets, every.weights, first_part(len(ids), parts)
    )
