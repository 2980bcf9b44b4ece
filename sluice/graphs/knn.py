"""The exact cosine kNN graph: a float32 search proposes, the canonical score decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sluice.core.arrays import check_unique, checked_vectors
from sluice.core.errors import ConfigError, DataError
from sluice.core.progress import track
from sluice.data.values.one_column import id_array
from sluice.graphs.candidates import Search, candidate_search, query_rows, score_error
from sluice.graphs.canonical import canonical_cosine_lists
from sluice.graphs.change import PatchCounts, count_touched, match_rows
from sluice.graphs.exact_rows import search_rows
from sluice.graphs.patch import patch_lists

SPARE = 8
"""Candidates beyond K: room for the rows within twice the score error of the K-th."""

NORM_TOLERANCE = 1e-4


@dataclass(frozen=True, eq=False)
class KnnGraph:
    """The nearest rows of every row under cosine, exact, nearest first, itself excluded.

    Order within a row: canonical cosine descending, then id ascending. ``k + slack`` columns
    are kept so that a change of the rows can be merged without a new search (the slack wears
    off, the published ``k`` columns stay exact); only the first ``k`` are the graph.

    Attributes
    ----------
    ids : ndarray of str, shape (n,)
        Unique ids; row i of the lists belongs to ``ids[i]``. Any order.
    k : int
        Neighbours in the graph.
    slack : int
        Further neighbours kept.
    lists : ndarray of int64, shape (n, k + slack)
        Positions of the neighbours; -1 where there are fewer rows.
    list_weights : ndarray of float64, shape (n, k + slack)
        Their canonical cosines; -inf where the position is -1.
    """

    ids: NDArray[np.str_]
    k: int
    slack: int
    lists: NDArray[np.int64]
    list_weights: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def neighbours(self) -> NDArray[np.int64]:
        """Positions of the k nearest rows, shape (n, k); -1 where there are fewer rows."""
        return self.lists[:, : self.k]

    @property
    def weights(self) -> NDArray[np.float64]:
        """Canonical cosines of `neighbours`, shape (n, k); -inf where the position is -1."""
        return self.list_weights[:, : self.k]

    def permuted(self, order: NDArray[np.int64]) -> KnnGraph:
        """Return the same graph with its rows in another order.

        Equal to building it from the permuted rows, because ties go by id and not by position.

        Parameters
        ----------
        order : ndarray of int64, shape (n,)
            A permutation: new row i is the present row ``order[i]``.
        """
        place = np.empty(len(order) + 1, dtype=np.int64)
        place[order] = np.arange(len(order))
        place[-1] = -1  # the padding -1 indexes the last entry, and stays -1
        return KnnGraph(
            self.ids[order], self.k, self.slack, place[self.lists[order]], self.list_weights[order]
        )

    @classmethod
    def build(
        cls,
        ids: NDArray[np.str_] | Sequence[str],
        vectors: NDArray[np.float32],
        k: int = 15,
        slack: int = 15,
        *,
        device: str = "auto",
        block: int = 2048,
    ) -> KnnGraph:
        """Build the graph by exhaustive search.

        Parameters
        ----------
        ids : sequence of str, length n
            Unique.
        vectors : ndarray of float32, shape (n, d)
            L2-normalised rows.
        k : int
            Neighbours wanted, at least 1; may be n or more (the lists are padded).
        slack : int
            Neighbours kept beyond k for later patches, at least 0.
        device : {"auto", "cpu", "cuda"}
            Where candidates are searched: FAISS, or torch where CUDA is there and FAISS cannot
            use it. The result is the same on each.
        block : int
            Queries a call. No parameter of the result.

        Raises
        ------
        ConfigError
            `k`, `slack` or `device` is wrong.
        DataError
            Ids repeat, or rows are not finite, not normalised, or not as many as the ids.

        Notes
        -----
        Exactness: with e = `score_error`, t the K-th best float32 score of a row and a the
        worst candidate's, every row left out has a canonical score of at most ``a + e``, and K
        candidates have at least ``t - e``; so ``a < t - 2e`` proves the list complete. Rows
        without that proof (long runs of near-equal scores, such as many copies of one text)
        are searched again against all rows.

        Cost: n^2 d multiply-adds in float32, and about n K d in float64. Memory: O(n K) and
        one block beyond the rows.
        """
        names = id_array(ids)
        rows = checked_rows(names, vectors)
        if k < 1 or slack < 0:
            raise ConfigError(
                f"k is {k} and slack {slack}; k must be at least 1, slack at least 0."
            )
        n, wide = len(names), k + slack
        lists = np.full((n, wide), -1, dtype=np.int64)
        weights = np.full((n, wide), -np.inf, dtype=np.float64)
        if n > 1:
            kept = min(wide, n - 1)
            _fill(rows, id_ranks(names), kept, device, block, lists[:, :kept], weights[:, :kept])
        return cls(names, k, slack, lists, weights)

    def patch(
        self,
        ids: NDArray[np.str_] | Sequence[str],
        vectors: NDArray[np.float32],
        changed: NDArray[np.str_] | Sequence[str],
        *,
        device: str = "auto",
        block: int = 256,
    ) -> KnnGraph:
        """Return the graph of a new state, at the cost of what changed; see `patch_counted`."""
        return self.patch_counted(ids, vectors, changed, device=device, block=block)[0]

    def patch_counted(
        self,
        ids: NDArray[np.str_] | Sequence[str],
        vectors: NDArray[np.float32],
        changed: NDArray[np.str_] | Sequence[str],
        *,
        device: str = "auto",
        block: int = 256,
    ) -> tuple[KnnGraph, PatchCounts]:
        """Patch the graph, and say how many lists that touched.

        `neighbours` and `weights` equal those of `build` on the new state bit for bit. The slack
        wears off; a list without enough of it is searched again.

        Parameters
        ----------
        ids : sequence of str, length n
            The whole new state, in any order; old ids that are not here are removed.
        vectors : ndarray of float32, shape (n, d)
            L2-normalised rows of the whole new state.
        changed : sequence of str
            Ids that are new or whose vector is not what it was. A vector that changed without
            being named here cannot be noticed.
        device : {"auto", "cpu", "cuda"}
            As for `build`, but ``"auto"`` takes CUDA only where torch is loaded already.
        block : int
            Changed rows a product. No parameter of the result.

        Raises
        ------
        ConfigError
            `device` is wrong.
        DataError
            A changed id is not among `ids`, an id that the old graph lacks is not in `changed`,
            or `ids` and `vectors` are not what `build` takes.

        Notes
        -----
        Cost: c n d multiply-adds for c changed rows, about 2 c K d in float64 (K = k + slack) and
        O(n K) to renumber. Memory: O(n K) and `block` n scores beyond the rows.
        It is built anew where it has or had at most K + 1 rows (no radius), and where that is
        cheaper: over 0.6 of the rows changed or left without k entries (ours, measured), or more
        near ties than a build would score.
        """
        names = id_array(ids)
        rows = checked_rows(names, vectors)
        change = match_rows(self.ids, names, id_array(changed))
        old = (self.lists, self.list_weights)
        done = patch_lists(old, self.ids, names, rows, change, self.k, device, block)
        if done is None:
            graph = KnnGraph.build(names, rows, self.k, self.slack, device=device)
            searched = len(graph)
        else:
            (lists, weights), searched = done
            graph = KnnGraph(names, self.k, self.slack, lists, weights)
        touched = count_touched(old, (graph.lists, graph.list_weights), change, self.k)
        return graph, PatchCounts(searched, touched, done is None)


def id_ranks(ids: NDArray[np.str_]) -> NDArray[np.int64]:
    """Place of each id in ascending order: compares as the ids do, at the cost of a number."""
    ranks = np.empty(len(ids), dtype=np.int64)
    ranks[np.argsort(ids, kind="stable")] = np.arange(len(ids))
    return ranks


def checked_rows(ids: NDArray[np.str_], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return `vectors` C-contiguous in float32, or say what is wrong with them.

    Raises
    ------
    DataError
        Ids repeat, or rows are not finite, not normalised, or not as many as the ids.
    """
    check_unique(ids)
    rows = checked_vectors("The vectors", vectors, len(ids), dtype=np.float32, ids=ids)
    squares = np.einsum("ij,ij->i", rows, rows)
    wrong = np.flatnonzero(np.abs(squares - 1.0) > 2 * NORM_TOLERANCE)
    if len(wrong):
        raise DataError(
            f"The vector of {str(ids[wrong[0]])!r} has the length "
            f"{float(squares[wrong[0]]) ** 0.5:.4g}, not 1; divide each row by its norm."
        )
    return rows


def _fill(
    rows: NDArray[np.float32],
    ranks: NDArray[np.int64],
    kept: int,
    device: str,
    block: int,
    lists: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> None:
    """Write the `kept` best neighbours of every row, exactly."""
    n, d = rows.shape
    width = min(n, kept + 1 + SPARE)
    search = candidate_search(rows, width, device)
    calls = max(1, n // query_rows(d, block))  # equal shares: no small last call
    doubtful: list[NDArray[np.int64]] = []
    with track("neighbours", n) as advance:
        for part in np.array_split(np.arange(n), calls):
            lists[part], weights[part], sure = _block(rows, ranks, part, kept, search)
            doubtful.append(part[~sure])
            advance(len(part))
    again = np.concatenate(doubtful)
    if len(again):
        lists[again], weights[again] = search_rows(rows, ranks, again, kept)


def _block(
    rows: NDArray[np.float32],
    ranks: NDArray[np.int64],
    part: NDArray[np.int64],
    kept: int,
    search: Search,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
    """Lists of the rows `part`, and whether each is proven complete."""
    queries = rows[part[0] : part[-1] + 1]
    scores, found = search(queries)
    worst = scores[:, -1].copy()
    scores[found == part[:, None]] = -np.inf
    near = np.partition(scores, -kept, axis=1)[:, -kept] - 2 * score_error(rows.shape[1])
    sure = (worst < near) | (scores.shape[1] == len(rows))
    # scores fall along a row, so what must be scored again is a prefix of each row
    prefix = int((scores[sure] >= near[sure, None]).sum(axis=1).max(initial=kept - 1)) + 1
    found = found[:, : min(prefix, found.shape[1])]
    exact = canonical_cosine_lists(queries, rows, found)
    exact[found == part[:, None]] = -np.inf
    order = np.lexsort((ranks[found], -exact), axis=1)[:, :kept]
    return np.take_along_axis(found, order, 1), np.take_along_axis(exact, order, 1), sure
