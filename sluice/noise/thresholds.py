"""Where the line is drawn between slight and large edits: from all scores, or from audited rows.

The paper sets its threshold by hand for each kind of noise. Both ways here are ours: a mixture of
two groups of scores needs no truth at all; a small audited sample gives a threshold that reaches
a precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.arrays import checked_mask
from sluice.core.errors import ConfigError, DataError

CLEAN_SEPARATION = 2.0
"""Least distance of two means in standard deviations at which two groups are told apart: Ashman's
D > 2 (Ashman, Bird and Zepf, Astronomical Journal 108, 1994)."""


@dataclass(frozen=True)
class Audit:
    """Rows whose given label somebody has checked.

    Attributes
    ----------
    rows : ndarray of bool, shape (n,)
        Which rows were checked. A random sample, or the precision is that of other rows.
    right : ndarray of bool, shape (n,)
        Whether the given label is right; read at the checked rows only.
    """

    rows: NDArray[np.bool_]
    right: NDArray[np.bool_]


@dataclass(frozen=True)
class Found:
    """A threshold and what to know of it.

    Attributes
    ----------
    threshold : float
        Minus infinity where all rows are above it.
    note : str
    """

    threshold: float
    note: str


def by_mixture(scores: NDArray[np.float64]) -> Found:
    """Split scores into two groups, and find where the upper one becomes the likelier.

    A mixture of two normal distributions is fitted (scikit-learn, fixed seed). The threshold is
    where the posterior probability of the component with the greater mean passes 1/2 from below;
    the log-odds are a quadratic function, so there is one such place at most. Scores above it
    count as the upper group even where, far off, a wider lower component wins again.

    Parameters
    ----------
    scores : ndarray of float64, shape (n,)

    Returns
    -------
    Found
        The note says how far apart the groups are, and warns where they do not separate: their
        means are no more than `CLEAN_SEPARATION` standard deviations apart, or one normal
        distribution describes the scores no worse (BIC). Where the posterior passes 1/2 nowhere,
        or all scores are equal, all rows are kept, and the note says so.

    Notes
    -----
    Scores are sorted and brought to mean 0 and standard deviation 1 first, so the result depends
    neither on the order of rows nor on the scale. One group that is flat or skewed also looks
    like two: the note cannot tell that right and wrong labels are what sets them apart. Cost:
    some dozen passes over n numbers.
    """
    ordered = np.sort(scores)
    centre, spread = float(ordered.mean()), float(ordered.std())
    # equal scores may have a rounded deviation that is not 0
    if len(ordered) < 2 or ordered[0] == ordered[-1] or spread == 0.0:
        return Found(-np.inf, "All scores are equal: there are no two groups, all rows are kept.")
    weights, means, deviations, gain = _two_normals((ordered - centre) / spread)
    apart = (means[1] - means[0]) / float(np.sqrt((deviations**2).mean()))
    crossing = _crossing(weights, means, deviations)
    if crossing is None:
        return Found(
            -np.inf,
            f"The two components do not separate (means {apart:.2f} standard deviations apart, "
            "and the upper one becomes likelier nowhere): all rows are kept.",
        )
    lower, upper = (centre + spread * means).tolist()
    note = (
        f"Two groups of scores around {lower:.3f} and {upper:.3f}, {apart:.2f} standard "
        f"deviations apart; the upper one holds {100 * weights[1]:.0f} % by its weight."
    )
    if apart <= CLEAN_SEPARATION or gain <= 0.0:
        why = (
            f"no more than {CLEAN_SEPARATION:g} standard deviations lie between them"
            if apart <= CLEAN_SEPARATION
            else "one normal distribution describes the scores no worse"
        )
        note += f" The two components do not separate: {why}. The threshold is weak."
    return Found(centre + spread * crossing, note)


def by_precision(scores: NDArray[np.float64], audit: Audit, target: float, least: int) -> Found:
    """Find the smallest threshold above which enough of the audited rows are right.

    Parameters
    ----------
    scores : ndarray of float64, shape (n,)
    audit : Audit
    target : float
        Least share of right labels among the audited rows above the threshold, in (0, 1].
    least : int
        Audited rows that must lie above it, so that a lucky few at the top do not decide.

    Returns
    -------
    Found
        A score of an audited row, or minus infinity where all audited rows together reach the
        target.

    Raises
    ------
    DataError
        The audit does not fit the scores, has fewer than `least` rows, or reaches the target
        nowhere.
    ConfigError
        `target` or `least` is out of range.

    Notes
    -----
    The precision is that of the sample, as it is: being the first to pass, it is a little too
    high on average. Ask for more than is needed, or audit more rows. Cost: a sort of the audit.
    """
    if not 0.0 < target <= 1.0 or least < 1:
        raise ConfigError(
            f"target_precision is {target} and least {least}; give a share above 0 and at most 1, "
            "and at least one row."
        )
    rows = checked_mask("The mask of audited rows", audit.rows, len(scores))
    right = checked_mask("Whether audited labels are right", audit.right, len(scores))
    count = int(rows.sum())
    if count < least:
        raise DataError(
            f"{count} rows are audited, and {least} must lie above the threshold; audit more rows, "
            "or lower `least`."
        )
    ordered, good = _ascending(scores[rows], right[rows])
    # one threshold below all, then each distinct score that leaves enough rows above it
    ends = np.flatnonzero(np.append(ordered[1:] > ordered[:-1], True)) + 1
    begins = np.concatenate([[0], ends])
    above = count - begins
    begins, above = begins[above >= least], above[above >= least]
    hits = np.append(np.cumsum(good[::-1])[::-1], 0)[begins]
    reached = np.flatnonzero(hits >= target * above - 1e-9)
    if not len(reached):
        best = int(np.argmax(hits / above))
        raise DataError(
            f"No threshold reaches a precision of {target:g} with {least} audited rows above it; "
            f"the best is {hits[best] / above[best]:.3f}, of {above[best]} rows. Lower the target "
            "or audit more rows."
        )
    first = int(reached[0])
    share = hits[first] / above[first]
    note = f"Of the {above[first]} audited rows above it, {100 * share:.1f} % are right"
    if begins[first] == 0:
        return Found(-np.inf, f"{note}: all rows are kept.")
    return Found(float(ordered[begins[first] - 1]), f"{note}, of {count} audited in all.")


def _ascending(
    scores: NDArray[np.float64], right: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    order = np.argsort(scores, kind="stable")
    return scores[order], right[order].astype(np.int64)


def _two_normals(
    z: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
    """Weights, means and standard deviations of two components by ascending mean; gain in BIC."""
    from sklearn.mixture import GaussianMixture

    model: Any = GaussianMixture(n_components=2, random_state=0, max_iter=500, tol=1e-6)
    column = z[:, None]
    model.fit(column)
    one: Any = GaussianMixture(n_components=1).fit(column)
    gain = float(one.bic(column) - model.bic(column))
    means = np.asarray(model.means_, dtype=np.float64)[:, 0]
    order = np.argsort(means, kind="stable")
    deviations = np.sqrt(np.asarray(model.covariances_, dtype=np.float64)[:, 0, 0])
    weights = np.asarray(model.weights_, dtype=np.float64)[order]
    return weights, means[order], deviations[order], gain


def _crossing(
    weights: NDArray[np.float64], means: NDArray[np.float64], deviations: NDArray[np.float64]
) -> float | None:
    """Where the log-odds of the upper component, a t^2 + b t + c, rise through 0."""
    precision = 1.0 / deviations**2
    a = float(0.5 * (precision[0] - precision[1]))
    b = float(means[1] * precision[1] - means[0] * precision[0])
    with np.errstate(divide="ignore"):
        logs = np.log(weights) - np.log(deviations) - 0.5 * means**2 * precision
    c = float(logs[1] - logs[0])
    root = b * b - 4.0 * a * c
    if not np.isfinite(c) or root <= 0.0:
        return None
    # the root at which the slope is positive, sqrt(b^2 - 4 a c); written so that no two large
    # numbers cancel and a may be 0
    slope = float(np.sqrt(root))
    if b >= 0.0:
        return -2.0 * c / (b + slope)
    return (slope - b) / (2.0 * a) if a != 0.0 else None
