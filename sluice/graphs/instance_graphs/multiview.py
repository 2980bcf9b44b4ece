"""The graph `multiview`: rows that share a bucket in several independent hashings (GAIS).

``s_ij`` is the share of the V views in which the codes of i and j are equal; an edge is kept
where it is found in at least q views.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError
from sluice.graphs.instance_graphs.hashed import all_pairs, sampled
from sluice.graphs.instance_graphs.instance_graph import InstanceGraph
from sluice.graphs.instance_graphs.parts import (
    Edges,
    GraphMethod,
    Part,
    first_part,
    grouped,
    joined,
)
from sluice.graphs.instance_graphs.projections import check_bits, check_cap, codes_of


@dataclass(frozen=True)
class MultiviewOptions:
    """Options of the graph.

    Attributes
    ----------
    views : int
        Independent projections.
    agree : int
        Views in which an edge must be found.
    bits : int
        Length of a code.
    feature_share : float
        Share of the features that each view sees, in (0, 1]; below 1 they are drawn by the seed.
    cap : int
        Rows of a bucket that are compared.

    Raises
    ------
    ConfigError
        A value is out of its range.
    """

    views: int = 3
    agree: int = 2
    bits: int = 8
    feature_share: float = 1.0
    cap: int = 64

    def __post_init__(self) -> None:
        check_bits(self.bits, "bits")
        check_cap(self.cap)
        if not 1 <= self.agree <= self.views:
            raise ConfigError(
                f"agree is {self.agree} of {self.views} views; use 1 up to the number of views."
            )
        if not 0 < self.feature_share <= 1:
            raise ConfigError(f"feature_share is {self.feature_share}; use a share in (0, 1].")


def partition(
    ids: NDArray[np.str_],
    rows: NDArray[np.float32],
    labels: NDArray[np.int64] | None,
    seed: int,
    **options: Any,
) -> list[Part]:
    """Group the rows by code in each view; keys are ``view:code``. Each row is in V parts.

    Parameters
    ----------
    ids : ndarray of str, shape (n,)
        Not used.
    rows : ndarray of float32, shape (n, d)
    labels : ndarray of int64, shape (n,), or None
        Not used.
    seed : int
    **options
        See `MultiviewOptions`.

    Notes
    -----
    Cost V n b d.
    """
    config = MultiviewOptions(**options)
    parts: list[Part] = []
    for view in range(config.views):
        codes = codes_of(rows, seed, config.bits, view, config.feature_share)
        parts += grouped(codes, lambda code, view=view: f"{view}:{code:0{config.bits}b}")
    return parts


def edges(
    rows: NDArray[np.float32], ids: NDArray[np.str_], seed: int, key: str, **options: Any
) -> Edges:
    """All pairs of a bucket, or of a sample of `cap` of its rows: the candidates of one view.

    Parameters
    ----------
    rows : ndarray of float32, shape (size, d)
        Not used: in one bucket all codes are equal.
    ids : ndarray of str, shape (size,)
    seed : int
    key : str
    **options
        See `MultiviewOptions`.

    Returns
    -------
    Edges
        With weight 1; `unite` gives them their share of the views.
    """
    return all_pairs(sampled(ids, seed, MultiviewOptions(**options).cap))


def unite(
    ids: NDArray[np.str_], parts: Sequence[Part], edges: Sequence[Edges], **options: Any
) -> InstanceGraph:
    """Keep the pairs found in enough views, weighted by the share of views with equal buckets.

    A pair may share a bucket and yet not be found there, being above the cap: such a view
    counts for the weight, but not towards `agree` (ours).

    Parameters
    ----------
    ids : ndarray of str, shape (n,)
    parts : sequence of Part
    edges : sequence of Edges
        One for each part.
    **options
        See `MultiviewOptions`.

    Returns
    -------
    InstanceGraph
        Its parts are the buckets of view 0; edges may join two of them.

    Notes
    -----
    Cost p log p for p candidates of all views, at most V ``2 ** bits`` cap^2 / 2.
    """
    config, n = MultiviewOptions(**options), len(ids)
    every = joined(parts, edges)
    low = np.minimum(every.sources, every.targets)
    pairs, found = np.unique(low * n + np.maximum(every.sources, every.targets), return_counts=True)
    low, high = np.divmod(pairs[found >= config.agree], max(1, n))
    equal = np.zeros(len(low), dtype=np.int64)
    for view in range(config.views):
        bucket = first_part(n, _of_view(parts, view))
        equal += bucket[low] == bucket[high]
    return InstanceGraph.of_edges(
        ids, low, high, equal / config.views, first_part(n, _of_view(parts, 0)), overlapping=True
    )


def _of_view(parts: Sequence[Part], view: int) -> list[Part]:
    return [part for part in parts if int(part.key.partition(":")[0]) == view]


METHOD = GraphMethod(
    name="multiview",
    version="1",
    summary="Joins rows that share a bucket in several independent random projections.",
    formula="s_ij = share of V views with equal codes, found in at least q of them",
    paper="GAIS, arXiv 2502.20293",
    cost="V (n b d + buckets cap^2)",
    options=asdict(MultiviewOptions()),
    check=MultiviewOptions,
    partition=partition,
    edges=edges,
    unite=unite,
)
