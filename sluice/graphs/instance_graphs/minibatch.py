"""The graph `minibatch`: each batch's nearest rows by Euclidean distance (GAIS, distance-based).

``s_ij = exp(-d_ij / tau)`` inside a batch, the k largest of each row, both directions united.
How rows are dealt to batches is in `sluice.graphs.instance_graphs.batches`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError, DataError
from sluice.graphs.instance_graphs.batches import dealt_batches, drawn_batches, hashed_batches
from sluice.graphs.instance_graphs.instance_graph import InstanceGraph
from sluice.graphs.instance_graphs.near_pairs import grid_squares, median_distance, nearest_pairs
from sluice.graphs.instance_graphs.parts import Edges, GraphMethod, Part, first_part, joined

LEAST = float(np.finfo(np.float64).tiny)
"""A similarity is above 0, however far a row lies from its nearest."""


@dataclass(frozen=True)
class MinibatchOptions:
    """Options of the graph.

    Attributes
    ----------
    batch_size : int
        B.
    k : int
        Nearest rows of each row that are kept, or as many as the batch has.
    tau : float or None
        Scale of the similarity; None for the median distance of each batch.
    regime : {"cover", "budget"}
        ``"cover"``: every row is in one batch. ``"budget"``: `batches` batches are drawn, so the
        cost of the edges does not grow with n; a row never drawn is isolated.
    stratify : {"hash", "exact"}
        ``"hash"``: a row's batch is a hash of its id; classes are spread evenly in expectation,
        and a row that comes or goes changes one batch. ``"exact"``: rows of each class are dealt
        round the batches, which a change of any row undoes. Batches drawn are always exact.
    batches : int or None
        How many batches are drawn in the regime ``"budget"``.

    Raises
    ------
    ConfigError
        A value is out of its range.
    """

    batch_size: int = 1024
    k: int = 10
    tau: float | None = None
    regime: str = "cover"
    stratify: str = "hash"
    batches: int | None = None

    def __post_init__(self) -> None:
        if self.batch_size < 2 or self.k < 1:
            raise ConfigError(
                f"batch_size is {self.batch_size} and k {self.k}; batch_size must be at least 2, "
                "k at least 1."
            )
        if self.tau is not None and not 0 < self.tau < np.inf:
            raise ConfigError(f"tau is {self.tau}; use a number above 0, or null for the median.")
        if self.regime not in ("cover", "budget"):
            raise ConfigError(f"regime is {self.regime!r}; use 'cover' or 'budget'.")
        if self.stratify not in ("hash", "exact"):
            raise ConfigError(f"stratify is {self.stratify!r}; use 'hash' or 'exact'.")
        count = self.batches
        if self.regime == "budget" and (count is None or count < 1 or count != int(count)):
            raise ConfigError(
                f"batches is {self.batches}; regime 'budget' needs a number of batches, 1 or more."
            )
        if self.regime == "cover" and self.batches is not None:
            raise ConfigError("batches is for regime 'budget'; leave it out of regime 'cover'.")


def partition(
    ids: NDArray[np.str_],
    rows: NDArray[np.float32],
    labels: NDArray[np.int64] | None,
    seed: int,
    **options: Any,
) -> list[Part]:
    """Deal the rows to batches; keys are ``batch/number of batches``.

    Parameters
    ----------
    ids : ndarray of str, shape (n,)
    rows : ndarray of float32, shape (n, d)
        Not used.
    labels : ndarray of int64, shape (n,), or None
        Needed unless batches are hashed.
    seed : int
    **options
        See `MinibatchOptions`.

    Raises
    ------
    DataError
        Labels are needed and not given.

    Notes
    -----
    Cost n, in the regime ``"budget"`` n log n for each batch.
    """
    config = MinibatchOptions(**options)
    if config.regime == "cover" and config.stratify == "hash":
        return hashed_batches(ids, seed, config.batch_size)
    if labels is None:
        raise DataError("The batches are stratified by class; give labels, or stratify='hash'.")
    if config.batches is None:
        return dealt_batches(ids, labels, seed, config.batch_size)
    return drawn_batches(ids, labels, seed, config.batch_size, config.batches)


def edges(
    rows: NDArray[np.float32], ids: NDArray[np.str_], seed: int, key: str, **options: Any
) -> Edges:
    """Join each row of a batch with its k nearest.

    Parameters
    ----------
    rows : ndarray of float32, shape (size, d)
    ids : ndarray of str, shape (size,)
        Ties go to the lower id.
    seed : int
        Not used.
    key : str
        Not used.
    **options
        See `MinibatchOptions`.

    Returns
    -------
    Edges
        Equal rows have weight 1. Where the median distance is 0, the median of the distances
        above 0 stands in for it (ours).

    Notes
    -----
    Cost size^2 d, memory size^2. Distances that decide are canonical (float64, fixed order).
    """
    config = MinibatchOptions(**options)
    if len(rows) < 2:
        none = np.empty(0, dtype=np.int64)
        return Edges(none, none, np.empty(0))
    order = np.argsort(ids, kind="stable")  # positions then compare as ids do
    ranked = rows[order]
    squares, step = grid_squares(ranked)
    tau = median_distance(squares) * step if config.tau is None else config.tau
    first, second, distances = nearest_pairs(ranked, squares, config.k)
    scaled = distances / tau if tau > 0 else distances  # tau is 0 only if no two rows differ
    return Edges(order[first], order[second], np.maximum(np.exp(-scaled), LEAST))


def unite(
    ids: NDArray[np.str_], parts: Sequence[Part], edges: Sequence[Edges], **options: Any
) -> InstanceGraph:
    """Unite the batches' edges; an edge seen in two batches takes its larger weight.

    Parameters
    ----------
    ids : ndarray of str, shape (n,)
    parts : sequence of Part
    edges : sequence of Edges
        One for each part.
    **options
        See `MinibatchOptions`.

    Returns
    -------
    InstanceGraph
        A row's part is the first batch that holds it, ``len(parts)`` for a row never drawn.
        Batches overlap in the regime ``"budget"``.
    """
    every = joined(parts, edges)
    return InstanceGraph.of_edges(
        ids,
        every.sources,
        every.targets,
        every.weights,
        first_part(len(ids), parts),
        overlapping=MinibatchOptions(**options).regime == "budget",
    )


METHOD = GraphMethod(
    name="minibatch",
    version="1",
    summary="Joins each row with the nearest rows of its mini-batch.",
    formula="s_ij = exp(-|x_i - x_j| / tau), the k largest of each row",
    paper="GAIS, arXiv 2502.20293",
    cost="n B d; memory B^2",
    options=asdict(MinibatchOptions()),
    check=MinibatchOptions,
    partition=partition,
    edges=edges,
    unite=unite,
)
