"""The graph `multilevel`: similarity is on how many levels two codes agree (GAIS, multi-level).

The levels ``b_1 < ... < b_L`` are prefixes of one code, so rows that agree on a level agree on
every coarser one. ``s_ij = sum_l w_l 1[prefix_l equal] / sum_l w_l``, kept where it is at least
the threshold.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError
from sluice.graphs.instance_graphs.hashed import all_pairs, sampled
from sluice.graphs.instance_graphs.parts import Edges, GraphMethod, Part, grouped, unite_disjoint
from sluice.graphs.instance_graphs.projections import check_bits, check_cap, codes_of

SLACK = 1e-12
"""Weights such as 0.1 and 0.2 add up inexactly: this close below the threshold still counts."""


@dataclass(frozen=True)
class MultilevelOptions:
    """Options of the graph.

    Attributes
    ----------
    levels : tuple of int
        Lengths of the prefixes, increasing.
    level_weights : tuple of float
        Weight of each level, above 0; increasing ones reward agreement on finer levels.
    threshold : float
        Least similarity of an edge, in (0, 1]. 0.5 asks, with these levels and weights, for
        agreement on the two coarsest levels.
    cap : int
        Rows of a bucket that get edges.

    Raises
    ------
    ConfigError
        A value is out of its range.
    """

    levels: tuple[int, ...] = (4, 8, 12)
    level_weights: tuple[float, ...] = (1.0, 2.0, 3.0)
    threshold: float = 0.5
    cap: int = 64

    def __post_init__(self) -> None:
        for level in self.levels:
            check_bits(level, "a level")
        if not self.levels or list(self.levels) != sorted(set(self.levels)):
            raise ConfigError(f"levels are {self.levels}; give increasing numbers of bits.")
        if len(self.level_weights) != len(self.levels) or not all(
            0 < weight < np.inf for weight in self.level_weights
        ):
            raise ConfigError(
                f"level_weights are {self.level_weights}; give each of the {len(self.levels)} "
                "levels a weight above 0."
            )
        if not 0 < self.threshold <= 1:
            raise ConfigError(f"threshold is {self.threshold}; use one above 0, at most 1.")
        check_cap(self.cap)

    @property
    def similarity(self) -> NDArray[np.float64]:
        """Similarity of rows that agree on the first l levels and no more, l from 1 to L."""
        sums = np.cumsum(np.asarray(self.level_weights, dtype=np.float64))
        return sums / sums[-1]

    @property
    def needed(self) -> int:
        """Index of the coarsest level on which every edge agrees."""
        return int(np.argmax(self.similarity >= self.threshold - SLACK))


def partition(
    ids: NDArray[np.str_],
    rows: NDArray[np.float32],
    labels: NDArray[np.int64] | None,
    seed: int,
    **options: Any,
) -> list[Part]:
    """Group the rows by their prefix at the coarsest level that alone reaches the threshold.

    Parameters
    ----------
    ids : ndarray of str, shape (n,)
        Not used.
    rows : ndarray of float32, shape (n, d)
    labels : ndarray of int64, shape (n,), or None
        Not used.
    seed : int
    **options
        See `MultilevelOptions`.

    Notes
    -----
    Cost n b d for the b bits of that level.
    """
    config = MultilevelOptions(**options)
    bits = config.levels[config.needed]
    return grouped(codes_of(rows, seed, bits), lambda code: f"{code:0{bits}b}")


def edges(
    rows: NDArray[np.float32], ids: NDArray[np.str_], seed: int, key: str, **options: Any
) -> Edges:
    """Weigh all pairs of a bucket, or of a sample of `cap` of its rows, by `prefix_similarity`.

    As in the graph `hash`, rows of a bucket above the cap stay isolated.

    Parameters
    ----------
    rows : ndarray of float32, shape (size, d)
    ids : ndarray of str, shape (size,)
    seed : int
    key : str
    **options
        See `MultilevelOptions`.

    Notes
    -----
    Cost cap b d + cap^2.
    """
    config = MultilevelOptions(**options)
    kept = sampled(ids, seed, config.cap)
    codes = codes_of(rows[kept], seed, config.levels[-1])
    pairs = all_pairs(np.arange(len(kept)))
    similar = prefix_similarity(codes[pairs.sources], codes[pairs.targets], config)
    enough = similar >= config.threshold - SLACK
    return Edges(kept[pairs.sources[enough]], kept[pairs.targets[enough]], similar[enough])


def prefix_similarity(
    first: NDArray[np.int64], second: NDArray[np.int64], config: MultilevelOptions
) -> NDArray[np.float64]:
    """Weighted share of the levels on which pairs of codes agree.

    Parameters
    ----------
    first, second : ndarray of int64, shape (p,)
        Codes of ``levels[-1]`` bits.
    config : MultilevelOptions

    Returns
    -------
    ndarray of float64, shape (p,)
    """
    agreed = np.zeros(len(first), dtype=np.int64)
    for level in config.levels:
        agreed += (first ^ second) >> (config.levels[-1] - level) == 0
    return np.concatenate([[0.0], config.similarity])[agreed]


METHOD = GraphMethod(
    name="multilevel",
    version="1",
    summary="Joins rows whose random-projection codes share long prefixes.",
    formula="s_ij = sum_l w_l 1[prefix_l equal] / sum_l w_l >= threshold",
    paper="GAIS, arXiv 2502.20293",
    cost="n b d + buckets cap^2",
    options=asdict(MultilevelOptions()),
    check=MultilevelOptions,
    partition=partition,
    edges=edges,
    unite=unite_disjoint,
)
