"""CDIS by feature: of the rows of each feature the densest ones of their neighbourhoods.

What the text of T-FREX (Motger and others, arXiv:2408.01063) names: central density-based instance
selection (Carbonera and Abel, IEEE ICTAI 2016), with features in the place of classes. Ours: a row
that has several features is kept if it is a density peak of any; budgets; `keep_empty`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sluice.core.arrays import checked_vectors
from sluice.core.budgets import budget_of
from sluice.graphs.features import FeatureRows
from sluice.subsets.contract import Picks, Pool, Selection, Selector
from sluice.subsets.features.feature_quotas import (
    Features,
    Ranks,
    checked_features,
    ranks_of,
    without_feature,
)
from sluice.subsets.instance_selection.cdis import central_density
from sluice.subsets.instance_selection.ldis import denser
from sluice.subsets.instance_selection.neighbours import check_neighbours, nearest
from sluice.subsets.plain_arrays import as_selection


@dataclass(frozen=True)
class Peaks:
    """Central density of each entry (a row and one of its features).

    Attributes
    ----------
    density : ndarray of float64, shape (entries,)
        Within the rows of the feature.
    peak : ndarray of bool, shape (entries,)
        Whether none of the row's nearest rows with that feature is denser.
    """

    density: NDArray[np.float64]
    peak: NDArray[np.bool_]


def cdis_per_feature(
    embeddings: ArrayLike,
    features: Features,
    budget: int | float | str | None = None,
    *,
    n_neighbors: int = 3,
    keep_empty: bool = False,
) -> Selection:
    """Keep the density peaks of each feature.

    Parameters
    ----------
    embeddings : array-like, shape (n, d)
        Compared by Euclidean distance.
    features : FeatureRows or sequence of sequence of str, length n
        What each row is about.
    budget : int, float, str or None
        A count, a share or a percentage of n. None: the peaks, no more and no less.
    n_neighbors : int
        Of a neighbourhood, fewer where a feature has no more; ties by lower position.
    keep_empty : bool
        Whether the rows without a feature count as having one of their own.

    Returns
    -------
    Selection
        By position (int64). Ranked (ours): peaks of some feature, then the others; in both by the
        least ``rank / T_f`` of a row's features, its rank by density among the T_f rows of f,
        peaks before others; then by position. So features take turns by their sizes, the densest
        row of each first, and what the peaks leave of a budget is filled by the same rule. Gain:
        the density in the feature that gives the rank.

    Raises
    ------
    DataError
        Embeddings are no finite matrix, or features are not of its rows.
    BudgetError
        See `sluice.core.budgets.parse_budget`.
    ConfigError
        `n_neighbors` is no integer of at least 1.

    Notes
    -----
    Nested. Cost d sum of T_f^2 over the features.
    """
    rows = checked_vectors("Embeddings", embeddings, dtype=np.float32)
    named = checked_features(features, len(rows))
    count = budget_of("cdis_per_feature", True, budget, len(rows))
    picks = _picks(rows, named, count, n_neighbors, keep_empty)
    return as_selection("cdis_per_feature", picks, len(picks.positions) if count is None else count)


def density_peaks(rows: NDArray[np.float32], features: FeatureRows, k: int) -> Peaks:
    """Find the density of each row within each of its features, and whether it is a peak there.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, d)
    features : FeatureRows
    k : int
        Neighbours that must not be denser.

    Returns
    -------
    Peaks
    """
    density = np.zeros(len(features.codes))
    peak = np.zeros(len(features.codes), dtype=bool)
    of_row = features.rows
    # stable: the rows of a feature stay ascending
    order = np.argsort(features.codes, kind="stable")
    ends = np.cumsum(np.bincount(features.codes, minlength=len(features.names)))
    for entries in np.split(order, ends[:-1]) if len(ends) else ():
        if not len(entries):  # a feature of rows that are not here
            continue
        members = rows[of_row[entries]]
        near = nearest(members, k)
        values = central_density(members, near)
        density[entries] = values
        peak[entries] = ~denser(values, near).any(axis=1)
    return Peaks(density, peak)


def _core(
    pool: Pool, budget: int | None, seed: int, *, n_neighbors: int = 3, keep_empty: bool = False
) -> Picks:
    """Run `cdis_per_feature` on the embeddings and features of a pool; see there.

    The seed is not used: the method is deterministic.
    """
    assert pool.embeddings is not None
    assert pool.features is not None
    return _picks(pool.embeddings, pool.features, budget, n_neighbors, keep_empty)


def _picks(
    rows: NDArray[np.float32],
    features: FeatureRows,
    budget: int | None,
    n_neighbors: int,
    keep_empty: bool,
) -> Picks:
    k = check_neighbours(n_neighbors)
    features, lost = without_feature(features, keep_empty)
    found = density_peaks(rows, features, k)
    ranks = ranks_of(features, ~found.peak, -found.density)
    peak = np.zeros(len(rows), dtype=bool)
    peak[features.rows[found.peak]] = True
    enters = ranks.entry_share()
    order = np.lexsort((enters, ~peak))
    order = order[np.isfinite(enters[order])]
    kept = order[peak[order]] if budget is None else order[:budget]
    best = _best_entries(ranks, enters)[kept]
    reasons = _reasons(ranks, found, peak, kept, best)
    note = f"{int(peak.sum())} of {len(rows)} rows are density peaks of a feature."
    return Picks(kept, found.density[best], reasons, " ".join(filter(None, [note, lost])))


def _best_entries(ranks: Ranks, enters: NDArray[np.float64]) -> NDArray[np.int64]:
    """Entry of each row that gives its entry share, the first of equals; -1 where it has none."""
    features = ranks.features
    share = ranks.rank / ranks.size[features.codes]
    giving = np.flatnonzero(share == enters[features.rows])
    best = np.full(len(features), -1, dtype=np.int64)
    best[features.rows[giving][::-1]] = giving[::-1]
    return best


def _reasons(
    ranks: Ranks,
    found: Peaks,
    peak: NDArray[np.bool_],
    kept: NDArray[np.int64],
    best: NDArray[np.int64],
) -> list[str]:
    features, reasons = ranks.features, list[str]()
    for row, entry in zip(kept.tolist(), best.tolist(), strict=True):
        code = int(features.codes[entry])
        place = f"number {int(ranks.rank[entry]) + 1} of the {int(ranks.size[code])} rows with "
        what = "A density peak" if peak[row] else "Fills the budget, no density peak"
        reasons.append(
            f"{what}: central density {found.density[entry]:.4g}, {place}{features.names[code]!r}."
        )
    return reasons


SELECTOR = Selector(
    name="cdis_per_feature",
    core=_core,
    version="2",
    needs=frozenset({"embeddings", "features"}),
    tasks=frozenset({"tokens"}),
    stochastic=False,
    nested=True,
    class_floor=False,
    summary="The densest rows of their neighbourhoods among the rows of each feature.",
    formula="CDIS among the rows of each feature, united",
    paper="Carbonera and Abel, IEEE ICTAI 2016; Motger and others, arXiv 2408.01063",
    cost="d sum of T_f^2",
    options={"n_neighbors": 3, "keep_empty": False},
    sized=True,
    fills=True,
)
