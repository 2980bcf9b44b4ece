"""A change of some rows, merged into exact neighbour lists without searching all the others.

A list is *prefix-complete* when it names every row whose key (cosine falling, then id rising)
does not come after the key of its last entry, its radius; a search gives such lists.

- Rows that go leave it complete up to the old radius, so the radius is read before they go.
- A row that comes belongs in the list if and only if its key does not come after the radius.
- An edit is both, and the edited row gets a new list of its own.
- A list cut at ``k + slack`` entries is complete up to its new last entry.

So the first k entries are exact while k are left; a list with fewer is searched again, which
restores its slack. Scores of one float32 product propose, canonical cosines decide, as in a build.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sluice.graphs.candidates import row_scores, score_error
from sluice.graphs.canonical import canonical_cosine_pairs
from sluice.graphs.change import Change
from sluice.graphs.exact_rows import search_rows
from sluice.graphs.merge import Arrivals, Lists, merge, place_within

SCORES = 1 << 26
"""Float32 scores held at once (256 MiB), where a block of changed rows would hold more."""

BUILD_SHARE = 0.6
"""Ours, measured at 10,000 and 30,000 x 384: with more of the rows changed or searched again, a
build costs about as much."""

TALL = 64
"""Scores whose maximum stands for them when a bound on the K-th best is looked for."""

CROWD = 4
"""Ours: a row with this many times the wanted candidates (copies of one text) goes to
`search_rows`, which scores equal rows once."""


class _Radius(NamedTuple):
    """Key of the last entry of each list in the old state: its cosine and its old position."""

    weight: NDArray[np.float64]
    row: NDArray[np.int64]


def patch_lists(
    old: Lists,
    old_ids: NDArray[np.str_],
    ids: NDArray[np.str_],
    rows: NDArray[np.float32],
    change: Change,
    k: int,
    device: str,
    block: int,
) -> tuple[Lists, int] | None:
    """Lists of the new state and how many were searched again; None where a build is due.

    Parameters
    ----------
    old : pair of ndarray, shapes (m, k + slack)
        Positions (int64) and cosines (float64) of the old state; -1 and -inf at the ends.
    old_ids, ids : ndarray of str, shapes (m,) and (n,)
    rows : ndarray of float32, shape (n, d)
        C-contiguous, L2-normalised: the whole new state.
    change : Change
        From `match_rows`.
    k : int
        Entries that must be exact.
    device : {"auto", "cpu", "cuda"}
    block : int
        Changed rows a product.

    Returns
    -------
    lists, searched : pair of ndarray of shape (n, k + slack), int
        Prefix-complete, exact in the first k columns; None where a list had named every row,
        or `BUILD_SHARE` of the rows would be searched, or nearly all pairs are near ties.
    """
    n, wide = len(rows), old[0].shape[1]
    if min(n, len(old_ids)) - 1 <= wide:
        return None
    source, fresh = change.source, np.zeros(n, dtype=np.bool_)
    fresh[change.changed] = True
    staying = change.place.copy()
    staying[:-1][fresh[change.place[:-1]]] = -1  # for rows that are gone it is -1 already
    last = np.count_nonzero(old[0] >= 0, axis=1) - 1
    radius = _Radius(old[1][source, last[source]], old[0][source, last[source]])
    radius.weight[fresh] = np.inf  # their old lists are given up
    lists, weights = staying[old[0][source]], old[1][source]
    left = np.count_nonzero(lists >= 0, axis=1)
    lost = (left <= last[source]) & ~fresh
    if len(change.changed) + np.count_nonzero(lost & (left < k)) > BUILD_SHARE * n:
        return None
    arrivals = _scan(rows, (ids, old_ids), change, radius, (lists, weights), device, block)
    if arrivals is None:
        return None
    lost[arrivals.at] = True
    merge((lists, weights), change.ranks, np.flatnonzero(lost), arrivals)
    again = np.flatnonzero(lists[:, k - 1] < 0)
    if len(again):
        lists[again], weights[again] = search_rows(rows, change.ranks, again, wide)
    return (lists, weights), len(again)


def _scan(
    rows: NDArray[np.float32],
    names: tuple[NDArray[np.str_], NDArray[np.str_]],
    change: Change,
    radius: _Radius,
    lists: Lists,
    device: str,
    block: int,
) -> Arrivals | None:
    """Write the lists of the changed rows and return where these rows enter other lists.

    None where more pairs must be scored than in a build.
    """
    n, wide = lists[0].shape
    most = max(1, min(block, SCORES // n, len(change.changed)))
    scorer = row_scores(rows, device, most)
    reach = (radius.weight - score_error(rows.shape[1])).astype(np.float32)
    none = np.empty(0, dtype=np.int64)
    pairs, found, crowded = 0, [Arrivals(none, none, np.empty(0))], [none]
    for start in range(0, len(change.changed), most):
        part = change.changed[start : start + most]
        scores = scorer(part)
        scores[np.arange(len(part)), part] = -np.inf
        hits = scores >= reach
        pairs += int(np.count_nonzero(hits))
        if pairs > n * wide:
            return None
        found.append(_entering(rows, names, radius, part, hits))
        crowded.append(_write_own(rows, change.ranks, part, scores, lists))
    again = np.concatenate(crowded)
    if len(again):
        lists[0][again], lists[1][again] = search_rows(rows, change.ranks, again, wide)
    at, row, weight = (
        np.concatenate([each.at for each in found]),
        np.concatenate([each.row for each in found]),
        np.concatenate([each.weight for each in found]),
    )
    order = np.lexsort((change.ranks[row], -weight, at))
    return Arrivals(at[order], row[order], weight[order])


def _entering(
    rows: NDArray[np.float32],
    names: tuple[NDArray[np.str_], NDArray[np.str_]],
    radius: _Radius,
    part: NDArray[np.int64],
    hits: NDArray[np.bool_],
) -> Arrivals:
    """Of the pairs hit (a changed row of `part`, a list), those not after the list's radius."""
    row, at = np.divmod(np.flatnonzero(hits), hits.shape[1])
    row = part[row]
    weight = canonical_cosine_pairs(rows, row, at)
    enters = weight > radius.weight[at]
    tie = np.flatnonzero(weight == radius.weight[at])
    ids, old_ids = names  # the last entry may be gone, so that its id has no rank now
    enters[tie] = ids[row[tie]] <= old_ids[radius.row[at[tie]]]
    return Arrivals(at[enters], row[enters], weight[enters])


def _write_own(
    rows: NDArray[np.float32],
    ranks: NDArray[np.int64],
    part: NDArray[np.int64],
    scores: NDArray[np.float32],
    lists: Lists,
) -> NDArray[np.int64]:
    """Write the new lists of the rows `part`; return those with too many candidates for that."""
    wide = lists[0].shape[1]
    row, near, crowded = _own_candidates(scores, wide, score_error(rows.shape[1]))
    weight = canonical_cosine_pairs(rows, part[row], near)
    order = np.lexsort((ranks[near], -weight, row))
    row, near, weight = row[order], near[order], weight[order]
    best = place_within(row) < wide
    done = part[~crowded]
    lists[0][done] = near[best].reshape(-1, wide)  # every row has at least `wide` candidates
    lists[1][done] = weight[best].reshape(-1, wide)
    return part[crowded]


def _own_candidates(
    scores: NDArray[np.float32], wide: int, error: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Pairs (row, column) that may be among the `wide` best of the row, and the rows left out.

    The scores fall into groups of up to `TALL`, and the `wide`-th best of the groups' maxima is
    a lower bound on the `wide`-th best score t; a column below ``t - 2 error`` cannot be needed.
    """
    count, n = scores.shape
    tall = max(1, min(TALL, n // (4 * wide)))
    groups = n // tall
    grid = scores[:, : tall * groups].reshape(count, tall, groups)
    tops = grid.max(axis=1)
    bound = np.partition(tops, -wide, axis=1)[:, -wide] - np.float32(2 * error)
    close, rest = tops >= bound[:, None], scores[:, tall * groups :] >= bound[:, None]
    crowded = np.count_nonzero(close, axis=1) > CROWD * wide
    close[crowded], rest[crowded] = False, False
    row, group = np.nonzero(close)
    which, level = np.nonzero(grid[row, :, group] >= bound[row, None])
    last_row, last_column = np.nonzero(rest)
    column = np.concatenate([level * groups + group[which], last_column + tall * groups])
    row = np.concatenate([row[which], last_row])
    many = np.bincount(row, minlength=count) > CROWD * wide
    keep = ~many[row]
    return row[keep], column[keep], crowded | many
