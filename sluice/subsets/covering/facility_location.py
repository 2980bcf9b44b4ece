"""Facility location: every row is represented by the kept row that it resembles most.

``f(S) = sum_i max_{j in S} w_ij``, w the cosine where i and j are neighbours in the kNN graph
(in either direction), 1 for a row and itself, and 0 elsewhere and for negative cosines; in a
graph of instances the weight of their edge, so an isolated row is represented by itself alone.
Monotone submodular, so greedy picks reach at least 1 - 1/e of the best value (Nemhauser,
Wolsey and Fisher, 1978); lazy greedy is Minoux (1978). As a subset of training data: Wei, Iyer
and Bilmes, Submodularity in Data Subset Selection and Active Learning (ICML 2015).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.progress import track
from sluice.graphs.instance_graphs.instance_graph import InstanceGraph
from sluice.graphs.knn import KnnGraph
from sluice.subsets.contract import Picks, Pool, Selector

BATCH = 384
"""Stale gains computed at once. No parameter of the result."""


def facility_location(pool: Pool, budget: int, seed: int) -> Picks:
    """Pick rows that together resemble all rows.

    Labels are not used, hence no class floor.

    Parameters
    ----------
    pool : Pool
        Sorted by id, with the graph.
    budget : int
        From 1 to n.
    seed : int
        Not used: the method is deterministic.

    Returns
    -------
    Picks
        Gain: how much f rises. Gains never rise.

    Notes
    -----
    Nested. Ties: lower id; so once every gain is zero (all rows left are equal to kept ones)
    the rest is filled up by id. Cost: n k for the first gains, then a few columns a pick.
    Memory: O(n k).
    """
    graph = pool.graph
    assert graph is not None
    found = lazy_greedy(similarities(graph), budget)
    reasons = [
        f"Brings {count} of {len(graph)} rows closer to a kept one: total similarity +{gain:.3f}."
        if gain > 0
        else f"Fills the budget: all rows are fully represented by the {rank} kept before it."
        for rank, (gain, count) in enumerate(zip(found.gains, found.reached, strict=True))
    ]
    return Picks(found.positions, found.gains, reasons)


@dataclass(frozen=True)
class Similarities:
    """Symmetric sparse weights, row by row.

    Attributes
    ----------
    begin : ndarray of int64, shape (n + 1,)
        Row i holds the entries ``begin[i]`` to ``begin[i + 1]``.
    rows : ndarray of int64, shape (entries,)
        Ascending within a row.
    weights : ndarray of float64, shape (entries,)
        In (0, 1].
    """

    begin: NDArray[np.int64]
    rows: NDArray[np.int64]
    weights: NDArray[np.float64]


@dataclass(frozen=True)
class Greedy:
    """Positions in the order picked, their gains, and how many rows each brought closer."""

    positions: NDArray[np.int64]
    gains: NDArray[np.float64]
    reached: NDArray[np.int64]


def similarities(graph: KnnGraph | InstanceGraph) -> Similarities:
    """Make the graph symmetric, add each row itself with 1, drop weights of 0 and below.

    A pair's canonical cosine is the same from both sides, so the union is well defined. A graph
    of instances is symmetric already, with weights in (0, 1].

    Parameters
    ----------
    graph : KnnGraph or InstanceGraph
    """
    from scipy.sparse import csr_array, eye_array

    n = len(graph)
    if isinstance(graph, InstanceGraph):
        both = csr_array((graph.weights, graph.neighbours, graph.begin), shape=(n, n))
    else:
        both = _either_direction(graph)
    both = both.maximum(eye_array(n, format="csr")).tocsr()
    both.sort_indices()
    return Similarities(
        both.indptr.astype(np.int64), both.indices.astype(np.int64), both.data.astype(np.float64)
    )


def _either_direction(graph: KnnGraph) -> Any:
    """Sparse matrix of the positive cosines, where either row names the other."""
    from scipy.sparse import coo_array

    n = len(graph)
    there = (graph.neighbours >= 0) & (graph.weights > 0)
    rows = np.repeat(np.arange(n), there.sum(axis=1))
    # rounding can lift the cosine of two equal rows above 1
    weights = np.minimum(graph.weights[there], 1.0)
    directed = coo_array((weights, (rows, graph.neighbours[there])), shape=(n, n)).tocsr()
    return directed.maximum(directed.T.tocsr())


def gains_of(
    similar: Similarities, covered: NDArray[np.float64], candidates: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Gain of each candidate, ``sum_i max(0, w_ij - covered_i)``, added one by one in id order.

    Parameters
    ----------
    similar : Similarities
    covered : ndarray of float64, shape (n,)
        Best similarity of each row to a kept one; 0 at first.
    candidates : ndarray of int64, shape (m,)

    Returns
    -------
    ndarray of float64, shape (m,)
        A function of the column and of `covered` alone: the same bits in any batch.
    """
    sizes = similar.begin[candidates + 1] - similar.begin[candidates]
    owner = np.repeat(np.arange(len(candidates)), sizes)
    first = np.cumsum(sizes) - sizes
    entries = np.arange(len(owner)) + (similar.begin[candidates] - first)[owner]
    rises = similar.weights[entries] - covered[similar.rows[entries]]
    np.maximum(rises, 0.0, out=rises)
    # bincount adds in order of appearance
    return np.bincount(owner, weights=rises, minlength=len(candidates)).astype(np.float64)


def lazy_greedy(similar: Similarities, budget: int) -> Greedy:
    """Greedy picks, computing again only gains that could still win.

    Bit for bit the picks and gains of computing every gain at every step: `covered` only
    rises, rounded subtraction and rounded addition are monotone, and a column is always added
    in one order, so a gain computed earlier is never below the gain now, not even by rounding.
    The stale gains are upper bounds; a pick is made when the top bound is fresh.

    Parameters
    ----------
    similar : Similarities
    budget : int
        From 0 to n.
    """
    n = len(similar.begin) - 1
    covered = np.zeros(n)
    bounds = gains_of(similar, covered, np.arange(n))
    fresh = np.ones(n, dtype=bool)
    positions, gains, reached = np.empty(budget, np.int64), np.zeros(budget), np.zeros(budget, int)
    with track("facility location", budget) as advance:
        for rank in range(budget):
            best = _settle(similar, covered, bounds, fresh)
            if bounds[best] <= 0.0:
                free = np.flatnonzero(bounds > -np.inf)
                positions[rank:] = free[: budget - rank]
                break
            positions[rank], gains[rank] = best, bounds[best]
            column = slice(similar.begin[best], similar.begin[best + 1])
            rows, weights = similar.rows[column], similar.weights[column]
            closer = weights > covered[rows]
            reached[rank] = closer.sum()
            covered[rows[closer]] = weights[closer]
            _touch(similar, rows[closer], fresh)
            bounds[best] = -np.inf
            advance()
    return Greedy(positions, gains, reached)


def _settle(
    similar: Similarities,
    covered: NDArray[np.float64],
    bounds: NDArray[np.float64],
    fresh: NDArray[np.bool_],
) -> int:
    """Refresh the top of the bounds until the best of all is fresh; return it."""
    while True:
        best = int(np.argmax(bounds))  # the first of equals: the lower id
        if fresh[best]:
            return best
        size = min(BATCH, len(bounds))
        top = np.argpartition(bounds, -size)[-size:]
        # among more than `size` equal bounds the partition may miss the one that is asked for
        stale = np.append(top[~fresh[top] & (bounds[top] > -np.inf)], best)
        bounds[stale] = gains_of(similar, covered, stale)
        fresh[stale] = True


def _touch(similar: Similarities, rows: NDArray[np.int64], fresh: NDArray[np.bool_]) -> None:
    """Mark the gains that these rows enter as stale."""
    sizes = similar.begin[rows + 1] - similar.begin[rows]
    first = np.cumsum(sizes) - sizes
    entries = np.arange(int(sizes.sum())) + np.repeat(similar.begin[rows] - first, sizes)
    fresh[similar.rows[entries]] = False


SELECTOR = Selector(
    name="facility_location",
    core=facility_location,
    version="1",
    needs=frozenset({"graph"}),
    tasks=frozenset({"text", "tabular", "instructions", "tokens"}),
    stochastic=False,
    nested=True,
    class_floor=False,
    summary="Rows that together resemble all rows most.",
    formula="argmax_S sum_i max_{j in S} w_ij",
    paper="Wei, Iyer and Bilmes, ICML 2015; Minoux, 1978",
    cost="n k beyond the graph",
)
