"""DEITA's filter: best quality first, skipping rows too similar to a kept one."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sluice.core.arrays import checked_vectors, one_number_each
from sluice.core.budgets import parse_budget
from sluice.core.errors import ConfigError, DataError
from sluice.core.progress import track
from sluice.graphs.canonical import canonical_cosine
from sluice.subsets.contract import Picks, Pool, Selection, Selector
from sluice.subsets.plain_arrays import as_selection, usable_by

BLOCK, KEPT = 512, 8192
"""Rows judged at once, and kept rows that they are compared with at once (16 MiB of products).
No parameters of the result."""


def deita_filter(
    embeddings: ArrayLike,
    quality: ArrayLike,
    budget: int | float | str,
    *,
    threshold: float = 0.9,
    fill: bool = False,
) -> Selection:
    """Pick by quality, skipping rows too similar to a kept one.

    Liu and others, What Makes Good Data for Alignment? (DEITA, arXiv 2312.15685), section 2.4:
    rows by descending quality; a row is kept if its cosine similarity to every row kept before
    it is at most `threshold`.

    Parameters
    ----------
    embeddings : array-like, shape (n, d)
        Of any length but 0.
    quality : array-like, shape (n,)
        Rows with NaN or an infinite number are set aside.
    budget : int, float or str
        A count, a share or a percentage of n.
    threshold : float
        A similarity (not a distance), from -1 to 1.
    fill : bool
        What to do once no row is left that is dissimilar enough. False, as in the paper: keep
        fewer rows than the budget. True (ours): fill it by quality with rows that were skipped.

    Returns
    -------
    Selection
        By position (int64), in rank order. Gain: the quality.

    Raises
    ------
    DataError
        Shapes do not fit, or an embedding is not finite or has length 0.
    BudgetError
        See `sluice.core.budgets.parse_budget`.
    ConfigError
        `threshold` is no cosine.

    Notes
    -----
    Nested. Ties: lower position. Exact: a float32 product proposes, near the threshold the
    canonical cosine decides. Cost at most n b d. Memory: unit rows, and 16 MiB of products.
    """
    # rows without a quality may have vectors that are not finite
    rows = checked_vectors("Embeddings", embeddings, dtype=np.float32, finite=False)
    numbers = one_number_each("Qualities", quality, len(rows))
    count = parse_budget(budget, len(rows))
    return as_selection("deita_filter", _picks(rows, numbers, count, threshold, fill), count)


def _core(
    pool: Pool, budget: int, seed: int, *, threshold: float = 0.9, fill: bool = False
) -> Picks:
    """Run `deita_filter` on a pool's embeddings and quality; see there. The seed is not used."""
    rows = pool.embeddings
    assert rows is not None
    quality = one_number_each("Qualities", pool.scores["quality"], len(rows))
    return _picks(rows, quality, budget, threshold, fill)


def _picks(
    rows: NDArray[np.float32],
    quality: NDArray[np.float64],
    budget: int,
    threshold: float,
    fill: bool,
) -> Picks:
    """Filter, fill where asked to, and say why each row was kept."""
    if not -1 <= threshold <= 1:
        raise ConfigError(f"threshold is {threshold!r}; give a cosine similarity from -1 to 1.")
    usable, budget, note = usable_by(quality, budget, "quality is")
    ranking = usable[np.argsort(-quality[usable], kind="stable")]
    kept = ranking[dissimilar(_unit(rows, ranking), budget, threshold)]
    spare = ranking[~np.isin(ranking, kept)][: budget - len(kept)]
    if not fill and len(spare):
        skipped = len(ranking) - len(kept)
        cut = f"{skipped} of {len(rows)} rows are more similar than {threshold:g} to a kept one."
        note, spare = " ".join(filter(None, [note, cut])), spare[:0]
    place = np.empty(len(rows), dtype=np.int64)
    place[ranking] = np.arange(1, len(ranking) + 1)
    reasons = [
        f"Quality {quality[at]:.4g}, number {place[at]} of {len(ranking)}; its similarity to every "
        f"row kept before it is at most {threshold:g}."
        for at in kept
    ] + [
        f"Fills the budget: quality {quality[at]:.4g}, number {place[at]} of {len(ranking)}, "
        f"though it is more similar than {threshold:g} to a kept row."
        for at in spare
    ]
    positions = np.concatenate([kept, spare])
    return Picks(positions, quality[positions], reasons, note)


def dissimilar(rows: NDArray[np.float32], budget: int, threshold: float) -> NDArray[np.int64]:
    """Go through rows in order; keep those that resemble no kept one by more than a threshold.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, d)
        Unit vectors, best first.
    budget : int
        Rows to keep at most.
    threshold : float
        Cosine up to which a row is kept.

    Returns
    -------
    ndarray of int64, shape (b,)
        Ascending.
    """
    kept = np.empty(budget, dtype=np.int64)
    buffer = np.empty((budget, rows.shape[1]), dtype=np.float32)
    count = 0
    with track("DEITA filter", budget) as advance:
        for start in range(0, len(rows), BLOCK):
            block = rows[start : start + BLOCK]
            free = np.ones(len(block), dtype=np.bool_)
            for at in range(0, count, KEPT):
                left = np.flatnonzero(free)
                some = buffer[at : min(at + KEPT, count)]
                free[left] = ~_above(block[left], some, threshold).any(axis=1)
            left = np.flatnonzero(free)
            inside = _above(block[left], block[left], threshold)
            open_still = np.ones(len(left), dtype=np.bool_)
            for place, row in enumerate(left):
                if count == budget:
                    return kept
                if open_still[place]:
                    kept[count], buffer[count] = start + row, block[row]
                    count += 1
                    open_still &= ~inside[place]
                    advance()
    return kept[:count]


def _above(
    rows: NDArray[np.float32], others: NDArray[np.float32], threshold: float
) -> NDArray[np.bool_]:
    """Whether the cosine of each row and each other one is above the threshold."""
    products = rows @ others.T
    # error of a float32 inner product of unit vectors in any order of additions, with room
    error = (1.1 * rows.shape[1] + 8) * 2.0**-24
    above = products > threshold
    row, other = np.nonzero(np.abs(products - np.float32(threshold)) <= error)
    step = max(1, (1 << 17) // rows.shape[1])
    for at in range(0, len(row), step):
        i, j = row[at : at + step], other[at : at + step]
        # rounding can lift the cosine of two equal rows above 1
        above[i, j] = np.minimum(canonical_cosine(rows[i], others[j]), 1.0) > threshold
    return above


def _unit(rows: NDArray[np.float32], order: NDArray[np.int64]) -> NDArray[np.float32]:
    """Rows in an order, each with length 1."""
    picked = rows[order].astype(np.float64)
    lengths = np.sqrt(np.einsum("ij,ij->i", picked, picked))
    wrong = np.flatnonzero(~np.isfinite(lengths) | (lengths == 0))
    if len(wrong):
        row = int(order[wrong].min())
        raise DataError(f"The embedding of row {row} is not finite or all zeros; leave it out.")
    picked /= lengths[:, None]
    return picked.astype(np.float32)


SELECTOR = Selector(
    name="deita_filter",
    core=_core,
    version="1",
    needs=frozenset({"embeddings", "scores:quality"}),
    tasks=frozenset({"instructions"}),
    stochastic=False,
    nested=True,
    class_floor=False,
    summary="Best quality first, skipping rows too similar to a kept one.",
    formula="by quality; keep i if max_{j in S} cos(i, j) <= threshold",
    paper="Liu and others, arXiv 2312.15685",
    cost="n b d",
    options={"threshold": 0.9, "fill": False},
    sets_aside=True,
)
