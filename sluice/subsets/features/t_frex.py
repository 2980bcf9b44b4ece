"""T-FREX: the rows least like all others, until each feature has its share.

The instance selection of T-FREX (Motger and others, arXiv:2408.01063), as the authors' code has it.
Their text speaks of CDIS, which keeps the densest rows, where their code keeps outliers; CDIS by
feature is `sluice.subsets.features.cdis_per_feature`. Rows are visited by ascending mean cosine to
all rows; a row is kept if any of its features f has fewer than ``T_f * split`` kept rows, T_f being
the rows that have it.

Ours: budgets, `keep_empty`, and the closed form in place of the loop: a row is kept just if its
rank among the rows of some feature is below that feature's quota. The count of a feature that has
not reached its quota is the rank, because each of its rows so far was kept, if only for it.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sluice.core.arrays import checked_vectors
from sluice.core.budgets import budget_of
from sluice.core.errors import ConfigError
from sluice.graphs.features import FeatureRows
from sluice.subsets.contract import Picks, Pool, Selection, Selector
from sluice.subsets.features.feature_quotas import (
    Features,
    Ranks,
    checked_features,
    ranks_of,
    without_feature,
)
from sluice.subsets.plain_arrays import as_selection

_DIGITS = 12
_NAMED = 3
"""Features that a reason names; of more it says how many."""


def t_frex(
    embeddings: ArrayLike,
    features: Features,
    budget: int | float | str | None = None,
    *,
    split: float = 0.5,
    keep_empty: bool = False,
) -> Selection:
    """Keep the rows least like all others, until each feature has its share.

    Parameters
    ----------
    embeddings : array-like, shape (n, d)
        Compared by cosine; a row of zeros is like no other.
    features : FeatureRows or sequence of sequence of str, length n
        What each row is about.
    budget : int, float, str or None
        A count, a share or a percentage of n, from which the split follows: the least that keeps
        so many rows, cut to the budget. None: what `split` keeps.
    split : float
        Share of the rows of each feature, above 0 to 1. Not used with a budget.
    keep_empty : bool
        Whether the rows without a feature count as having one of their own, with a quota as all
        have; else none of them is kept, as in the authors' code.

    Returns
    -------
    Selection
        By position (int64). Ranked by entry split, the split above which a row is kept (the
        least ``rank / T_f`` of its features), then by visiting order: each split and each budget
        keeps the first rows of this one ranking. Gain: minus the mean cosine.

    Raises
    ------
    DataError
        Embeddings are no finite matrix, or features are not of its rows.
    BudgetError
        See `sluice.core.budgets.parse_budget`.
    ConfigError
        `split` is out of range.

    Notes
    -----
    Nested. More than the share is kept: quotas are by feature and rounded up, and a row counts for
    all its features. Features of one row always keep it. Ties: lower position. Cost: n d, and a
    sort of the entries; the matrix of cosines is never made.
    """
    rows = checked_vectors("Embeddings", embeddings, dtype=np.float32)
    named = checked_features(features, len(rows))
    count = budget_of("t_frex", True, budget, len(rows))
    picks = _t_frex(rows, named, count, split, keep_empty)
    return as_selection("t_frex", picks, len(picks.positions) if count is None else count)


def mean_cosine(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean cosine of each row to all rows, itself counted as 0.

    ``a_r = (e_r . sum_j e_j - e_r . e_r) / n`` for rows of length 1: the mean of a row of the
    matrix of cosines with zeros on its diagonal, without the matrix.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, d)

    Returns
    -------
    ndarray of float64, shape (n,)
        Rounded to 12 decimals, so that rows that are alike tie. 0 for a row of zeros.

    Notes
    -----
    Cost n d.
    """
    unit = rows.astype(np.float64)
    # by the largest number first: the square of a small one may be 0
    unit /= np.maximum(np.abs(unit).max(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    norm = np.sqrt(np.square(unit).sum(axis=1, keepdims=True))
    unit /= np.where(norm > 0, norm, 1.0)
    # not a matrix product: equal rows are to have equal sums
    with_all = (unit * unit.sum(axis=0)).sum(axis=1)
    return np.round((with_all - np.square(unit).sum(axis=1)) / len(unit), _DIGITS)


def visiting_ranks(mean: NDArray[np.float64], features: FeatureRows) -> Ranks:
    """Rank the rows of each feature by ascending mean cosine, ties by position."""
    return ranks_of(features, mean[features.rows])


def quotas(size: NDArray[np.int64], split: float) -> NDArray[np.int64]:
    """Rows that each feature keeps: ``T_f * split`` rounded up, exactly.

    Parameters
    ----------
    size : ndarray of int64, shape (F,)
    split : float
        The decimal as it is written: 0.29 is 29/100.

    Returns
    -------
    ndarray of int64, shape (F,)
    """
    share = Fraction(repr(float(split)))
    distinct, where = np.unique(size, return_inverse=True)
    up = [-(-int(rows) * share.numerator // share.denominator) for rows in distinct]
    return np.array(up, dtype=np.int64)[where] if len(up) else np.empty(0, dtype=np.int64)


def _core(
    pool: Pool, budget: int | None, seed: int, *, split: float = 0.5, keep_empty: bool = False
) -> Picks:
    """Run `t_frex` on the embeddings and features of a pool; see there.

    The seed is not used: the method is deterministic.
    """
    assert pool.embeddings is not None
    assert pool.features is not None
    return _t_frex(pool.embeddings, pool.features, budget, split, keep_empty)


def _t_frex(
    rows: NDArray[np.float32],
    features: FeatureRows,
    budget: int | None,
    split: float,
    keep_empty: bool,
) -> Picks:
    """Rank the rows, keep what split or budget say, say why."""
    if not 0 < split <= 1:
        raise ConfigError(f"split is {split!r}; give a share above 0 and up to 1, such as 0.25.")
    features, lost = without_feature(features, keep_empty)
    mean = mean_cosine(rows)
    ranks = visiting_ranks(mean, features)
    enters = ranks.entry_share()
    order = np.lexsort((mean, enters))
    order = order[np.isfinite(enters[order])]
    if budget is None:
        quota = quotas(ranks.size, split)
        within = np.zeros(len(rows), dtype=bool)
        within[features.rows[ranks.rank < quota[features.codes]]] = True
        kept, said = order[within[order]], f"Split {split:g}"
    else:
        kept = order[:budget]
        quota, said = _sufficient(ranks, enters, kept)
    real = f"{said} keeps {len(kept)} of {len(rows)} rows ({len(kept) / len(rows):.1%})."
    reasons = _reasons(ranks, quota, mean, kept)
    return Picks(kept, -mean[kept], reasons, " ".join(filter(None, [real, lost])))


def _sufficient(
    ranks: Ranks, enters: NDArray[np.float64], kept: NDArray[np.int64]
) -> tuple[NDArray[np.int64], str]:
    """Quotas of the least split that is enough for these rows, and its name.

    Every split just above the last row's entry split has the same quotas.
    """
    last = float(enters[kept].max()) if len(kept) else 0.0
    # rank / T_f <= last counts in the same rounding in which `last` was found
    below = ranks.rank / ranks.size[ranks.features.codes] <= last
    quota = np.bincount(ranks.features.codes[below], minlength=len(ranks.size)).astype(np.int64)
    fits = int((enters <= last).sum())
    cut = f", which has room for {fits} and is cut" if fits > len(kept) else ""
    return quota, f"The least split that suffices, just above {last:.4g}{cut},"


def _reasons(
    ranks: Ranks, quota: NDArray[np.int64], mean: NDArray[np.float64], kept: NDArray[np.int64]
) -> list[str]:
    """Name the features whose quotas each row filled, and its number among their rows."""
    features, reasons = ranks.features, list[str]()
    for row in kept.tolist():
        entries = range(int(features.begin[row]), int(features.begin[row + 1]))
        filled = [e for e in entries if ranks.rank[e] < quota[features.codes[e]]]
        words: list[str] = []
        for entry in filled[:_NAMED]:
            code = int(features.codes[entry])
            words.append(
                f"number {int(ranks.rank[entry]) + 1} of the {int(quota[code])} kept for "
                f"{features.names[code]!r} (of {int(ranks.size[code])} rows)"
            )
        more = f" and for {len(filled) - _NAMED} more" if len(filled) > _NAMED else ""
        reasons.append(f"Mean cosine {mean[row]:.3f} to all rows: {', '.join(words)}{more}.")
    return reasons


SELECTOR = Selector(
    name="t_frex",
    core=_core,
    version="1",
    needs=frozenset({"embeddings", "features"}),
    tasks=frozenset({"tokens"}),
    stochastic=False,
    nested=True,
    class_floor=False,
    summary="The rows least like all others, until each feature has its share.",
    formula="by ascending mean cosine: keep r if some feature f of r has count_f < T_f split",
    paper="Motger and others, arXiv 2408.01063 (code)",
    cost="n d + entries log entries",
    options={"split": 0.5, "keep_empty": False},
    sized=True,
    fills=True,
)
