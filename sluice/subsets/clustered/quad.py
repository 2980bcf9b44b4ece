"""Quad: a bandit over clusters that asks for the influence of few rows and keeps good slices.

Zhang and others, Harnessing Diversity for Important Data Selection in Pretraining Large Language
Models (arXiv 2409.16986), algorithm 1. Clusters are the arms of a bandit. A pull scores some
rows of a cluster; where their mean influence beats a threshold, the slice that they belong to
is kept, and clusters near it are told a part of that reward. The rounds themselves are in
`sluice.subsets.clustered.quad_rounds`.
"""

from __future__ import annotations

from math import isqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sluice.core.arrays import checked_labels, checked_vectors
from sluice.core.budgets import parse_budget
from sluice.core.errors import DataError
from sluice.subsets.clustered.clusters import cluster_rows
from sluice.subsets.clustered.plain_vectors import position_ids
from sluice.subsets.clustered.quad_rounds import bandit
from sluice.subsets.clustered.quad_setting import Influences, Options
from sluice.subsets.contract import Picks, Pool, Selection, Selector
from sluice.subsets.plain_arrays import as_selection


def quad(
    clusters: ArrayLike,
    centroids: ArrayLike,
    influence: Influences,
    budget: int | float | str,
    seed: int = 0,
    *,
    pull: int = 10,
    arms: int | None = None,
    slice_rows: int | None = None,
    threshold: float | None = None,
    alpha: float | None = None,
    distance: float = 0.2,
    mode: str = "paper",
    rounds: int | None = None,
    fill: bool = True,
) -> Selection:
    """Pick slices of the clusters whose rows help most, looking at few rows.

    Parameters
    ----------
    clusters : array-like of int, shape (n,)
        Cluster of each row, 0 to k-1.
    centroids : array-like, shape (k, d)
    influence : callable
        ``influence(positions) -> float64, shape (m,)``: how much some rows help, greater is
        better. Asked once a round for the rows scored in it, and never twice for a row. Rows
        with NaN or an infinite number are set aside.
    budget : int, float or str
        A count, a share or a percentage of n.
    seed : int
    pull : int
        Rows scored in a pull (the paper's 10).
    arms : int, optional
        Clusters pulled in a round; by default a 200th of them, at least 1 (the paper's 50 of
        10,000).
    slice_rows : int, optional
        Rows kept by an accepted pull: those scored first, then the next of the cluster, which
        are not scored. At least `pull`; by default a 500th of the budget, but at least `pull`
        (the paper's 20,000 of 10 million).
    threshold : float, optional
        What the mean influence of a pull has to beat (the paper's tau, 0.002 there). By default
        the mean influence of a uniform probe of a 20th of the rows, at least `pull`, at most
        500 (ours: no influence has the scale of another model's).
    alpha : float, optional
        Weight of uncertainty. By default the standard deviation of the probe over the root of
        `pull`, that of a pull's mean (ours; 1e-4 in the authors' code).
    distance : float
        Clusters nearer than this are told a part of a reward, 1 - d / distance.
    mode : {"paper", "reference"}
        paper: clusters never pulled come first, in an order drawn by seed. reference, as in
        the authors' code: T + 1 in the bound, and ties by index. Their code keeps the first
        slices of an accepted cluster instead of the scored ones: a fault, not followed.
    rounds : int, optional
        Most rounds (200 in the authors' code); no limit by default.
    fill : bool
        What to do once no cluster is worth a pull. True (ours): fill the budget with rows that
        were scored, best influence first, then with rows of the clusters with the best mean
        rewards. False: keep fewer rows than the budget. The note says so either way.

    Returns
    -------
    Selection
        By position (int64), in the order kept. Gain: the influence, or, for a row that was not
        scored, the mean of its pull (for a filled one, what its cluster is expected to give).
        Trace: one entry for each pull: round, cluster, rows_scored, mean_influence, threshold,
        reward, accepted, rows_kept, score (CS when chosen; None where infinite), pulls (T with
        this one).

    Raises
    ------
    DataError
        The clusters or centroids do not fit, or `influence` returns something else than one
        number a row.
    BudgetError
        See `sluice.core.budgets.parse_budget`.
    ConfigError
        An option is wrong.

    Notes
    -----
    Rewards are means of influence minus the threshold, and so is a cluster's mean in CS. The
    bandit stops once the best CS is that of a cluster pulled before and not above 0: even
    hopefully, nothing beats the threshold (ours). Rows of a cluster are visited in an order
    keyed by (seed, id). Not nested. Cost: the influences asked for; k d a pull.
    """
    options = Options(
        pull, arms, slice_rows, threshold, alpha, distance, mode, rounds, fill
    ).checked()
    means = checked_vectors("Centroids", centroids, dtype=np.float32)
    labels = _labels(clusters, len(means))
    count = parse_budget(budget, len(labels))
    ids = position_ids(len(labels))
    picks = bandit(labels, means, influence, ids, count, seed, options)
    return as_selection("quad", picks, count)


def _labels(clusters: ArrayLike, k: int) -> NDArray[np.int64]:
    labels = checked_labels(clusters, name="Clusters")
    wrong = np.flatnonzero(labels >= k)
    if len(wrong):
        raise DataError(
            f"Row {wrong[0]} is of cluster {labels[wrong[0]]}, but there are {k} centroids; number "
            "clusters from 0 in the order of their centroids."
        )
    return labels


def _core(
    pool: Pool,
    budget: int,
    seed: int,
    *,
    k: int | None = None,
    pull: int = 10,
    arms: int | None = None,
    slice_rows: int | None = None,
    threshold: float | None = None,
    alpha: float | None = None,
    distance: float = 0.2,
    mode: str = "paper",
    rounds: int | None = None,
    fill: bool = True,
) -> Picks:
    """Cluster a pool's embeddings and run `quad` on them; see there.

    By default there are as many clusters as the root of n, but no more than pulls that fill the
    budget, so that one look at each leaves something to decide (ours).
    """
    rows = pool.embeddings
    assert rows is not None
    options = Options(
        pull, arms, slice_rows, threshold, alpha, distance, mode, rounds, fill
    ).checked()
    if k is None:
        k = max(2, min(isqrt(len(rows)), budget // pull))
    found = cluster_rows(rows, pool.ids, seed, k)
    means = found.centroids.astype(np.float32)
    return bandit(found.labels, means, pool.asks["influence"], pool.ids, budget, seed, options)


SELECTOR = Selector(
    name="quad",
    core=_core,
    version="1",
    needs=frozenset({"embeddings", "asks:influence"}),
    tasks=frozenset({"instructions"}),
    stochastic=True,
    nested=False,
    class_floor=False,
    summary="Slices of the clusters whose rows help most, found by a bandit that scores few rows.",
    formula="CS_i = I_i + alpha sqrt(2 ln(sum T) / T_i); keep a slice where mean influence > tau",
    paper="Zhang and others, arXiv 2409.16986",
    cost="n k d an update of k-means; the influence of the rows that are pulled",
    options={
        "k": None,
        "pull": 10,
        "arms": None,
        "slice_rows": None,
        "threshold": None,
        "alpha": None,
        "distance": 0.2,
        "mode": "paper",
        "rounds": None,
        "fill": True,
    },
    fills=True,
)
