"""The graph `hash`: rows with equal random-projection codes are joined (GAIS, single level)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.randomness import keyed_bits
from sluice.graphs.instance_graphs.parts import Edges, GraphMethod, Part, grouped, unite_disjoint
from sluice.graphs.instance_graphs.projections import check_bits, check_cap, codes_of


@dataclass(frozen=True)
class HashOptions:
    """Options of the graph.

    Attributes
    ----------
    bits : int
        Length of a code; there are up to ``2 ** bits`` buckets.
    cap : int
        Rows of a bucket that get edges.

    Raises
    ------
    ConfigError
        A value is out of its range.
    """

    bits: int = 8
    cap: int = 64

    def __post_init__(self) -> None:
        check_bits(self.bits, "bits")
        check_cap(self.cap)


def partition(
    ids: NDArray[np.str_],
    rows: NDArray[np.float32],
    labels: NDArray[np.int64] | None,
    seed: int,
    **options: Any,
) -> list[Part]:
    """Group the rows by code; a bucket's key is its code in bits.

    Parameters
    ----------
    ids : ndarray of str, shape (n,)
        Not used: a row's bucket is a function of its content and of the seed.
    rows : ndarray of float32, shape (n, d)
    labels : ndarray of int64, shape (n,), or None
        Not used.
    seed : int
    **options
        See `HashOptions`.

    Notes
    -----
    Cost n b d.
    """
    config = HashOptions(**options)
    return grouped(codes_of(rows, seed, config.bits), lambda code: f"{code:0{config.bits}b}")


def edges(
    rows: NDArray[np.float32], ids: NDArray[np.str_], seed: int, key: str, **options: Any
) -> Edges:
    """Join all pairs of a bucket, or of a sample of `cap` of its rows.

    The rows of a bucket above the cap stay isolated, as the specification has it: of n rows in
    buckets of sizes s, ``n - sum min(s, cap)``. With 8 bits and a cap of 64 at most 16,384 rows
    get edges, whatever n is; use more bits where that is too few.

    Parameters
    ----------
    rows : ndarray of float32, shape (size, d)
        Not used: in one bucket all codes are equal.
    ids : ndarray of str, shape (size,)
    seed : int
    key : str
    **options
        See `HashOptions`.

    Returns
    -------
    Edges
        Each weighs 1, the observed share of bits that agree (ours: no weight is published).

    Notes
    -----
    Cost cap^2. A row that comes replaces at most one row of the sample.
    """
    return all_pairs(sampled(ids, seed, HashOptions(**options).cap))


def sampled(ids: NDArray[np.str_], seed: int, cap: int) -> NDArray[np.int64]:
    """Positions of up to `cap` rows, those with the lowest hash of (seed, id), ascending.

    The order of the hashes is one for all buckets, so two rows that share several small buckets
    are likely to be in the sample of each.
    """
    if len(ids) <= cap:
        return np.arange(len(ids))
    return np.sort(np.argsort(keyed_bits(seed, ids), kind="stable")[:cap])


def all_pairs(positions: NDArray[np.int64]) -> Edges:
    """Every pair of the rows, with weight 1."""
    first, second = np.triu_indices(len(positions), 1)
    return Edges(positions[first], positions[second], np.ones(len(first)))


METHOD = GraphMethod(
    name="hash",
    version="1",
    summary="Joins rows with equal random-projection codes.",
    formula="code = 1[R x > 0]; all pairs of a bucket, up to cap rows of it",
    paper="GAIS, arXiv 2502.20293; Charikar, STOC 2002",
    cost="n b d + buckets cap^2",
    options=asdict(HashOptions()),
    check=HashOptions,
    partition=partition,
    edges=edges,
    unite=unite_disjoint,
)
