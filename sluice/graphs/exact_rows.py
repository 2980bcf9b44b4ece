"""A few rows against all rows: every candidate that could matter, with no fixed width."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.graphs.candidates import score_error
from sluice.graphs.canonical import TILE, canonical_cosine

SCORES = 1 << 23
"""Float32 scores held at once (32 MiB)."""


def search_rows(
    rows: NDArray[np.float32],
    ranks: NDArray[np.int64],
    asked: NDArray[np.int64],
    kept: int,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Exact lists of some rows, whatever number of rows ties at the end of a list.

    Rows with the same bytes are scored once: a text with a thousand copies costs one row.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, d)
        C-contiguous, L2-normalised.
    ranks : ndarray of int64, shape (n,)
        Place of each row's id in ascending order: ties go by it.
    asked : ndarray of int64, shape (q,)
        Rows whose lists are wanted.
    kept : int
        Length of a list, ``1 <= kept <= n - 1``.

    Returns
    -------
    lists : ndarray of int64, shape (q, kept)
    weights : ndarray of float64, shape (q, kept)

    Notes
    -----
    Cost n d for each distinct row; memory `SCORES` floats and one list of candidates.
    """
    lists = np.empty((len(asked), kept), dtype=np.int64)
    weights = np.empty((len(asked), kept), dtype=np.float64)
    as_bytes = rows[asked].view(np.dtype((np.void, rows.shape[1] * rows.itemsize)))[:, 0]
    _, first, group = np.unique(as_bytes, return_index=True, return_inverse=True)
    members = np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group))[:-1])
    step = max(1, SCORES // len(rows))
    for start in range(0, len(first), step):
        scores = rows[asked[first[start : start + step]]] @ rows.T
        for offset, row_scores in enumerate(scores):
            who = members[start + offset]
            top, cosines = _best(rows, ranks, int(asked[who[0]]), row_scores, kept + 1)
            lists[who], weights[who] = top[:kept], cosines[:kept]
            for place in np.flatnonzero(np.isin(asked[who], top)):
                others = top != asked[who[place]]
                lists[who[place]], weights[who[place]] = top[others], cosines[others]
    return lists, weights


def _best(
    rows: NDArray[np.float32],
    ranks: NDArray[np.int64],
    row: int,
    scores: NDArray[np.float32],
    count: int,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Exact best `count` rows for `row`, itself not excluded."""
    bound = np.partition(scores, -count)[-count] - 2 * score_error(rows.shape[1])
    near = np.flatnonzero(scores >= bound)
    step = max(1, TILE // rows.shape[1])
    exact = np.concatenate(
        [
            canonical_cosine(rows[row], rows[near[at : at + step]])
            for at in range(0, len(near), step)
        ]
    )
    order = np.lexsort((ranks[near], -exact))[:count]
    return near[order], exact[order]
