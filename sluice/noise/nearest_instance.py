"""The nearest real row of the given label: an edit without a generator, for whatever has vectors.

Ours. What a generator would make of a row for its label, the data may hold already: its version
is the nearest other row that carries that label, by cosine, or the mean of the k nearest. Where
the label is right such a row is close, where it is wrong there is none nearby. No model runs.

A copy of a row tends to carry the same label, right or wrong, because the same person or rule
labelled both, and would vouch for it with a cosine of 1. So a row never meets a copy of itself:
neither a row of the same vector, whatever its label, nor one of the same group. And `Reference`
takes candidates from outside, where the rows at hand share their errors. What is left is the
method's limit: near rows that are wrong in the same way vouch for each other, and a rightly
labelled row in a sparse region has no near one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sluice.core.arrays import checked_labels, checked_vectors
from sluice.core.errors import ConfigError, DataError
from sluice.data.values.one_column import unique_ids
from sluice.graphs.candidates import score_error
from sluice.graphs.canonical import canonical_cosine_pairs
from sluice.noise.echo_mod import Modified

COPY = 1.0 - 1e-6
"""Cosine from which on two rows are the same: float32 vectors of one text differ by about 1e-7."""
SCORES = 1 << 22
"""Float32 scores held at once (16 MiB)."""


@dataclass(frozen=True)
class Reference:
    """Rows to look among, where they are not the rows themselves.

    Attributes
    ----------
    x : ndarray of float, shape (m, d)
    y : ndarray of int64, shape (m,)
        Their given labels.
    ids : ndarray of str, shape (m,)
        Unique. A row with the id of the one that asks is no candidate for it.
    groups : sequence of str, length m, optional
        Needed where the asking rows have groups.
    """

    x: NDArray[np.floating]
    y: NDArray[np.int64]
    ids: NDArray[np.str_]
    groups: Sequence[str] | None = None


@dataclass(frozen=True)
class NearestInstance:
    """`nearest_instances` as an `EchoMod`.

    Attributes
    ----------
    k : int
    groups : sequence of str, length n, optional
    reference : Reference, optional
    copy : float
    """

    k: int = 1
    groups: Sequence[str] | None = None
    reference: Reference | None = None
    copy: float = COPY

    def modify(
        self,
        x: NDArray[np.floating],
        y: NDArray[np.int64],
        *,
        ids: NDArray[np.str_],
        content: Sequence[str] | None = None,
    ) -> Modified:
        """Take each row's nearest rows of its given label; `content` is not read."""
        found = nearest_instances(
            x, y, ids=ids, k=self.k, groups=self.groups, reference=self.reference, copy=self.copy
        )
        return Modified(found)


def nearest_instances(
    x: ArrayLike,
    y: ArrayLike,
    *,
    ids: Sequence[str] | NDArray[np.str_],
    k: int = 1,
    groups: Sequence[str] | None = None,
    reference: Reference | None = None,
    copy: float = COPY,
) -> NDArray[np.floating]:
    """Mean of the k nearest other rows that carry a row's given label, or of as many as there are.

    Parameters
    ----------
    x, y, ids, k, groups, reference, copy
        As in `nearest_positions`.

    Returns
    -------
    ndarray of float, shape (n, d)
        Of the type of the candidates; one row alone is returned as it was given.

    Raises
    ------
    DataError, ConfigError
        As in `nearest_positions`, or a row has no candidate of its label.
    """
    found = nearest_positions(x, y, ids=ids, k=k, groups=groups, reference=reference, copy=copy)
    alone = found[:, 0] < 0
    if alone.any():
        row = int(np.flatnonzero(alone)[0])
        raise DataError(
            f"Row {str(np.asarray(ids)[row])!r} is the only one of class {np.asarray(y)[row]}, but "
            "for copies of it and rows of its group; give more rows of that class, or drop it."
        )
    return _means(checked_vectors("The embeddings", x if reference is None else reference.x), found)


def nearest_positions(
    x: ArrayLike,
    y: ArrayLike,
    *,
    ids: Sequence[str] | NDArray[np.str_],
    k: int = 1,
    groups: Sequence[str] | None = None,
    reference: Reference | None = None,
    copy: float = COPY,
) -> NDArray[np.int64]:
    """Positions of the k nearest other rows that carry a row's given label, nearest first.

    Parameters
    ----------
    x : array-like of float, shape (n, d)
        Embeddings, not zero.
    y : array-like of int, shape (n,)
        Given labels.
    ids : sequence of str, length n
        Unique; the lower comes first where cosines tie.
    k : int
    groups : sequence of str, length n, optional
        Rows of one group are no candidates for each other. Default: each row is its own group.
    reference : Reference, optional
        Where to look; among the rows themselves by default.
    copy : float
        A candidate with at least this cosine is left out; above 1 none is.

    Returns
    -------
    ndarray of int64, shape (n, k)
        Among the candidates; -1 where there are no more of them.

    Raises
    ------
    DataError
        Shapes do not fit, or a row is zero.
    ConfigError
        `k` is below 1, or only one side has groups.

    Notes
    -----
    Exact: float32 products find what may be among the nearest, and float64 sums in one fixed
    order decide, so the result is the same in any order of rows. Cost: d products for each pair
    of a row and a candidate of its class. Memory: one float32 copy, and a few times `SCORES`
    floats, or those of one row where a class is larger; more where very many rows tie.
    """
    if k < 1:
        raise ConfigError(f"k is {k}; give at least 1.")
    vectors = checked_vectors("The embeddings", x)
    labels = checked_labels(y, len(vectors))
    names = unique_ids(ids, len(vectors))
    if reference is None:
        reference = Reference(vectors, labels, names, groups)
    pool = checked_vectors("The embeddings of the reference", reference.x)
    if pool.shape[1] != vectors.shape[1]:
        raise DataError(
            f"Rows have {vectors.shape[1]} numbers and those of the reference {pool.shape[1]}; "
            "embed both with the same encoder."
        )
    pool_labels = checked_labels(reference.y, len(pool))
    pool_names = unique_ids(reference.ids, len(pool))
    own, theirs = _codes(names, groups, pool_names, reference.groups)
    unit, pool_unit = _unit(vectors), _unit(pool)
    ranks = np.argsort(np.argsort(pool_names, kind="stable"), kind="stable")
    result = np.full((len(vectors), k), -1, dtype=np.int64)
    for one in np.unique(labels):
        there = np.flatnonzero(pool_labels == one)
        if not len(there):
            continue
        asked = np.flatnonzero(labels == one)
        step = max(1, SCORES // len(there))
        for start in range(0, len(asked), step):
            part = asked[start : start + step]
            out = own[part, None] == theirs[None, there]
            scores = _scores(unit[part], pool_unit[there], out, copy)
            query, place, found = _nearest(unit[part], pool_unit[there], scores, ranks[there], k)
            result[part[query], place] = there[found]
    return result


def _scores(
    rows: NDArray[np.float32], pool: NDArray[np.float32], out: NDArray[np.bool_], copy: float
) -> NDArray[np.float32]:
    """Return the float32 cosines, minus infinity where a candidate is left out."""
    scores = rows @ pool.T
    scores[out] = -np.inf
    first, second = np.nonzero(scores >= copy - score_error(rows.shape[1]))
    same = _cosines(rows, pool, first, second) >= copy
    scores[first[same], second[same]] = -np.inf
    return scores


def _nearest(
    rows: NDArray[np.float32],
    pool: NDArray[np.float32],
    scores: NDArray[np.float32],
    ranks: NDArray[np.int64],
    k: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return rows, places from 0 to k - 1, and the candidate that is at this place for the row."""
    k = min(k, scores.shape[1])
    bound = np.partition(scores, -k, axis=1)[:, -k] - 2 * score_error(rows.shape[1])
    query, found = np.nonzero((scores >= bound[:, None]) & (scores > -np.inf))
    order = np.lexsort((ranks[found], -_cosines(rows, pool, query, found), query))
    query, found = query[order], found[order]
    place = np.arange(len(query)) - np.searchsorted(query, query)
    near = place < k
    return query[near], place[near], found[near]


def _means(pool: NDArray[np.floating], found: NDArray[np.int64]) -> NDArray[np.floating]:
    """Mean of the rows found for each row, added up from the nearest on."""
    result = np.empty((len(found), pool.shape[1]), dtype=pool.dtype)
    step = max(1, SCORES // pool.shape[1])
    for start in range(0, len(found), step):
        part = found[start : start + step]
        total = np.zeros((len(part), pool.shape[1]), dtype=np.float64)
        for column in part.T:
            has = column >= 0
            total[has] += pool[column[has]]
        result[start : start + step] = total / (part >= 0).sum(axis=1, keepdims=True)
    return result


def _cosines(
    rows: NDArray[np.float32],
    pool: NDArray[np.float32],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Canonical cosines of pairs; only rows that occur in one are joined."""
    own, a = np.unique(first, return_inverse=True)
    theirs, b = np.unique(second, return_inverse=True)
    joined = np.concatenate([rows[own], pool[theirs]])
    return canonical_cosine_pairs(joined, a.astype(np.int64), len(own) + b.astype(np.int64))


def _codes(
    ids: NDArray[np.str_],
    groups: Sequence[str] | None,
    pool_ids: NDArray[np.str_],
    pool_groups: Sequence[str] | None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number the groups of both sides alike; without groups each id is one."""
    if (groups is None) != (pool_groups is None):
        raise ConfigError("Only one of rows and reference has groups; give both or none.")
    own = ids if groups is None else np.asarray(groups, dtype=np.str_)
    theirs = pool_ids if pool_groups is None else np.asarray(pool_groups, dtype=np.str_)
    if own.shape != ids.shape or theirs.shape != pool_ids.shape:
        raise DataError(
            f"Groups have shapes {own.shape} and {theirs.shape}; give one for each of {len(ids)} "
            f"rows, and of {len(pool_ids)} of the reference."
        )
    _, codes = np.unique(np.concatenate([own, theirs]), return_inverse=True)
    codes = codes.astype(np.int64)
    return codes[: len(own)], codes[len(own) :]


def _unit(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    """Rows of length 1; divided by their greatest entry first, so that no square overflows."""
    result = np.empty(vectors.shape, dtype=np.float32)
    step = max(1, SCORES // vectors.shape[1])
    for start in range(0, len(vectors), step):
        part = vectors[start : start + step].astype(np.float64)
        greatest = np.abs(part).max(axis=1, keepdims=True)
        if not greatest.all():
            row = start + int(np.flatnonzero(greatest[:, 0] == 0)[0])
            raise DataError(
                f"Embedding {row} is zero and has no direction; drop the row or embed it anew."
            )
        part /= greatest
        part /= np.sqrt(np.square(part).sum(axis=1, keepdims=True))
        result[start : start + step] = part
    return result
