"""EchoSelect: rows are kept whose version of their given label is close to the row itself.

"EchoAlign: Bridging Generative and Discriminative Learning under Noisy Labels": a generator edits
each row towards its given label. Where the label is right the edit is slight, where it is wrong
the edit is large. Kept are the rows with ``s_i = cos(e_i, e'_i) > tau``, e and e' the embeddings
before and after. How tau is found here is in `sluice.noise.thresholds`. Nothing here knows what
the rows are: texts, cells of a table or pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sluice.core.arrays import checked_vectors, one_number_each
from sluice.core.errors import ConfigError, DataError
from sluice.graphs.canonical import TILE, halving_sum
from sluice.noise.thresholds import Audit, Found, by_mixture, by_precision

WAYS = ("mixture", "precision")


@dataclass(frozen=True)
class EchoSelection:
    """Which rows keep their given label, and why that many.

    Attributes
    ----------
    kept : ndarray of bool, shape (n,)
    threshold : float
        Rows above it are kept; minus infinity where all are.
    found : str
        ``"fixed"``, ``"mixture"`` or ``"precision"``.
    note : str
        What a reader should know of the threshold, in full sentences.
    audited : ndarray of bool, shape (n,)
        Rows whose truth has chosen the threshold: no figure may be computed on them.
    """

    kept: NDArray[np.bool_]
    threshold: float
    found: str
    note: str
    audited: NDArray[np.bool_]


def echo_similarity(original: ArrayLike, modified: ArrayLike) -> NDArray[np.float64]:
    """Cosine of each row before and after its edit.

    Parameters
    ----------
    original, modified : array-like of float, shape (n, d)
        Embeddings; of any length but zero.

    Returns
    -------
    ndarray of float64, shape (n,)
        In [-1, 1]; exactly 1 for rows that were not changed.

    Raises
    ------
    DataError
        The shapes differ, a value is not finite, or a vector is zero.

    Notes
    -----
    Sums run in one fixed order in float64, so a row has the same bits in any batch. Each vector
    is divided by its greatest entry first: no square leaves the range. Cost: n d; memory beside
    the arrays: about 1 MiB.
    """
    before = checked_vectors("The original embeddings", original)
    after = checked_vectors("The modified embeddings", modified, len(before))
    if before.shape != after.shape:
        raise DataError(
            f"Original and modified embeddings have shapes {before.shape} and {after.shape}; "
            "embed both with the same encoder."
        )
    result = np.empty(len(before), dtype=np.float64)
    step = max(1, TILE // before.shape[1])
    for start in range(0, len(before), step):
        a = _scaled("original", before[start : start + step], start)
        b = _scaled("modified", after[start : start + step], start)
        # one root of the product, not a product of roots: equal rows give exactly 1
        norms = np.sqrt(halving_sum(a * a) * halving_sum(b * b))
        result[start : start + step] = halving_sum(a * b) / norms
    return np.clip(result, -1.0, 1.0)


def echo_select(
    similarity: ArrayLike,
    *,
    threshold: float | str = 0.5,
    audit: Audit | None = None,
    target_precision: float = 0.9,
    least: int = 20,
) -> EchoSelection:
    """Keep the rows whose edit is slight.

    Parameters
    ----------
    similarity : array-like of float, shape (n,)
        Of `echo_similarity`; any number within [-1, 1] that is high where the label is right.
    threshold : float, "mixture" or "precision"
        A number in [-1, 1) as in the paper, which gives 0.5 by default, 0.52 for CIFAR-10 and
        CIFAR-100 with instance-dependent noise and 0.43 for CIFAR-10N. Or how to find one: see
        `sluice.noise.thresholds.by_mixture` and `sluice.noise.thresholds.by_precision` (ours).
    audit : Audit, optional
        Needed for "precision" and refused for the others, which have no use for it.
    target_precision : float
        Least share of right labels among the audited rows above the threshold.
    least : int
        Audited rows that must lie above the threshold.

    Returns
    -------
    EchoSelection
        Rows with ``s > threshold``; fewer of them as the threshold rises.

    Raises
    ------
    DataError
        The similarities are no numbers within [-1, 1], or the audit does not fit them, is too
        small, or reaches the target at no threshold.
    ConfigError
        The threshold is none of these, or an audit is missing or not used.
    """
    s = _checked_similarity(similarity)
    if (threshold == "precision") != (audit is not None):
        raise ConfigError(
            "threshold='precision' needs audited rows, and no other threshold reads them; give "
            "`audit` with it and only with it."
        )
    way = "fixed"
    if isinstance(threshold, str):
        if threshold not in WAYS:
            raise ConfigError(
                f"The threshold is {threshold!r}; give a number, 'mixture' or 'precision'."
            )
        way = threshold
        found = by_mixture(s) if audit is None else by_precision(s, audit, target_precision, least)
    elif -1.0 <= threshold < 1.0:
        found = Found(float(threshold), "The threshold is fixed.")
    else:
        raise ConfigError(f"The threshold is {threshold}; a cosine above it needs one in [-1, 1).")
    rows = np.zeros(len(s), dtype=np.bool_) if audit is None else audit.rows
    return EchoSelection(s > found.threshold, found.threshold, way, found.note, rows)


def _scaled(name: str, rows: NDArray[np.floating], start: int) -> NDArray[np.float64]:
    """Divide each row by its greatest entry, which changes no cosine."""
    wide = rows.astype(np.float64)
    greatest = np.abs(wide).max(axis=1, keepdims=True)
    if not greatest.all():
        row = start + int(np.flatnonzero(greatest[:, 0] == 0)[0])
        raise DataError(
            f"The {name} embedding of row {row} is zero and has no direction; drop the row or "
            "embed it anew."
        )
    return wide / greatest


def _checked_similarity(values: ArrayLike) -> NDArray[np.float64]:
    s = one_number_each("Similarities", values)
    outside = ~(np.abs(s) <= 1.0)  # NaN too
    if outside.any():
        row = int(np.flatnonzero(outside)[0])
        raise DataError(f"The similarity of row {row} is {s[row]}; give a cosine within [-1, 1].")
    return s
