"""Diversify and Conquer (kMQ): clusters share the budget, quality decides inside them.

Yu and others, Diversify and Conquer: Diversity-Centric Data Selection with Iterative Refinement
(arXiv 2409.11378), section 2.2. k-means clusters of the embeddings get budgets in proportion to
their sizes; inside a cluster rows are drawn with a probability in proportion to their quality.
The iterative form is `sluice.subsets.clustered.dac_iterative`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sluice.core.arrays import checked_vectors, one_number_each
from sluice.core.budgets import parse_budget
from sluice.core.errors import DataError, UnknownNameError
from sluice.core.randomness import keyed_bits, uniform_of
from sluice.subsets.clustered.cluster_budgets import largest_remainder, turns
from sluice.subsets.clustered.clusters import RowClusters, cluster_rows, to_centroids
from sluice.subsets.clustered.plain_vectors import position_ids
from sluice.subsets.contract import Picks, Pool, Selection, Selector
from sluice.subsets.plain_arrays import as_selection, usable_by

RACE = 1
"""Which of a row's keyed numbers decides draws; the first one keys the start of k-means."""


@dataclass(frozen=True)
class _Options:
    k: int | None = None
    mode: str = "paper"
    draw: str = "quality"

    def check(self) -> None:
        if self.mode not in ("paper", "reference"):
            raise UnknownNameError.of("mode of dac", self.mode, ["paper", "reference"])
        if self.draw not in ("quality", "uniform", "closest"):
            raise UnknownNameError.of("draw of dac", self.draw, ["quality", "uniform", "closest"])


def dac(
    embeddings: ArrayLike,
    quality: ArrayLike | None,
    budget: int | float | str,
    seed: int = 0,
    *,
    k: int | None = None,
    mode: str = "paper",
    draw: str = "quality",
) -> Selection:
    """Pick rows of every cluster, better ones more often.

    Parameters
    ----------
    embeddings : array-like, shape (n, d)
    quality : array-like, shape (n,), or None
        Read with ``draw="quality"`` only, and may be None otherwise. Rows with NaN or an
        infinite number are set aside. In mode paper 0 or more.
    budget : int, float or str
        A count, a share or a percentage of n.
    seed : int
    k : int, optional
        Clusters; chosen by silhouette where not given, see `sluice.subsets.clustered.clusters`.
    mode : {"paper", "reference"}
        paper: budgets in proportion to the sizes of the clusters, draws in proportion to
        quality. reference, as in the authors' code: equal budgets, draws in proportion to
        ``exp(quality)``; but the rest of the division is shared out as well, and quality is
        not cut to whole numbers as it is there.
    draw : {"quality", "uniform", "closest"}
        uniform and closest are the paper's kM-Random and kM-Closest: any rows of the cluster,
        and those nearest its mean.

    Returns
    -------
    Selection
        By position (int64): one row of every cluster, then a second one, and so on. Gain: the
        quality; 1 for a uniform draw; minus the distance for the closest.

    Raises
    ------
    DataError
        Shapes do not fit, an embedding is not finite, or a quality is below 0 in mode paper.
    BudgetError
        See `sluice.core.budgets.parse_budget`.
    ConfigError
        `k`, `mode` or `draw` is wrong.

    Notes
    -----
    Budgets by largest remainder, with the overflow of exhausted clusters shared out again.
    Draws are without replacement (the paper says with, which spends budget on copies), by
    exponential races keyed on (seed, id): other rows of a cluster move no row's number. Rows of
    quality 0 come after all others of their cluster, at random. Not nested. Cost: that of
    k-means, and n log n.
    """
    rows = checked_vectors("Embeddings", embeddings, dtype=np.float32)
    numbers = None if quality is None else one_number_each("Qualities", quality, len(rows))
    count = parse_budget(budget, len(rows))
    options = _Options(k, mode, draw)
    picks = _picks(rows, numbers, position_ids(len(rows)), count, seed, options)
    return as_selection("dac", picks, count)


def _core(
    pool: Pool,
    budget: int,
    seed: int,
    *,
    k: int | None = None,
    mode: str = "paper",
    draw: str = "quality",
) -> Picks:
    """Run `dac` on a pool's embeddings and the score ``quality``; see there."""
    rows = pool.embeddings
    assert rows is not None
    quality = one_number_each("Qualities", pool.scores["quality"], len(rows))
    return _picks(rows, quality, pool.ids, budget, seed, _Options(k, mode, draw))


def _picks(
    rows: NDArray[np.float32],
    quality: NDArray[np.float64] | None,
    ids: NDArray[np.str_],
    budget: int,
    seed: int,
    options: _Options,
) -> Picks:
    """Set rows aside, cluster the others, share the budget out, draw, say why."""
    options.check()
    usable, note = np.arange(len(rows)), ""
    if options.draw == "quality":
        if quality is None:
            raise DataError("dac draws by quality but has none; give qualities, or another draw.")
        usable, budget, note = usable_by(quality, budget, "quality is")
    if not len(usable):
        return Picks(usable, np.empty(0), [], note)
    some = rows[usable]
    clusters = cluster_rows(some, ids[usable], seed, options.k)
    sizes = clusters.sizes
    even = options.mode == "reference"
    weights = np.ones(len(sizes)) if even else sizes.astype(np.float64)
    places = largest_remainder(weights, budget, sizes)
    own = None if quality is None else quality[usable]
    ranking, gains = _ranked(some, own, clusters, keyed_bits(seed, ids[usable]), options)
    kept = turns(clusters.labels, ranking, places)
    labels, share = clusters.labels[kept], "an even share" if even else "its share"
    reasons = [
        f"{_why(options.draw, gain)} of cluster {c}, which has {sizes[c]} of {len(usable)} rows "
        f"and gives {places[c]}, {share} of the {budget}."
        for c, gain in zip(labels.tolist(), gains[kept].tolist(), strict=True)
    ]
    return Picks(usable[kept], gains[kept], reasons, note)


def _why(draw: str, gain: float) -> str:
    if draw == "quality":
        return f"Drawn by its quality {gain:.4g} from the rows"
    if draw == "uniform":
        return "Drawn at random from the rows"
    return f"At distance {-gain:.4g} among the rows closest to the mean"


def _ranked(
    rows: NDArray[np.float32],
    quality: NDArray[np.float64] | None,
    clusters: RowClusters,
    bits: NDArray[np.uint64],
    options: _Options,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Positions in the order in which a cluster gives them, and every row's gain."""
    if options.draw == "closest":
        squared = to_centroids(rows, clusters)
        return np.argsort(squared, kind="stable"), -np.sqrt(squared)
    if options.draw == "uniform":
        return race(np.zeros(len(rows)), bits), np.ones(len(rows))
    assert quality is not None
    if options.mode == "reference":
        return race(quality, bits), quality
    return race(logarithms(quality), bits), quality


def logarithms(quality: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of each quality, minus infinity for 0.

    Parameters
    ----------
    quality : ndarray of float64, shape (n,)

    Raises
    ------
    DataError
        A quality is below 0, so that nothing can be drawn in proportion to it.
    """
    one_number_each("Qualities", quality, negative=False)
    with np.errstate(divide="ignore"):
        return np.log(quality)


def race(log_weights: NDArray[np.float64], bits: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Order of successive draws without replacement, in proportion to ``exp(log_weights)``.

    Each row's time is exponential with its weight as rate, and the earliest is drawn first
    (Efraimidis and Spirakis, Information Processing Letters 97, 2006); here on a log scale, so
    that no weight over- or underflows. The same order serves any part of the rows.

    Parameters
    ----------
    log_weights : ndarray of float64, shape (n,)
        Minus infinity comes last, at random.
    bits : ndarray of uint64, shape (n,)
        From `sluice.core.randomness.keyed_bits`.

    Returns
    -------
    ndarray of int64, shape (n,)
        Ties: lower position.
    """
    waits = np.log(-np.log(uniform_of(bits, RACE)))
    never = np.isneginf(log_weights)
    times = np.where(never, waits, waits - np.where(never, 0.0, log_weights))
    return np.lexsort((np.arange(len(bits)), times, never))


SELECTOR = Selector(
    name="dac",
    core=_core,
    version="1",
    needs=frozenset({"embeddings", "scores:quality"}),
    tasks=frozenset({"instructions"}),
    stochastic=True,
    nested=False,
    class_floor=False,
    summary="Rows of every cluster in proportion to its size, better rows more often.",
    formula="b_j = b |X_j| / |X|; draws in cluster j in proportion to quality",
    paper="Yu and others, arXiv 2409.11378",
    cost="n k d an update of k-means",
    options={"k": None, "mode": "paper", "draw": "quality"},
    sets_aside=True,
)
