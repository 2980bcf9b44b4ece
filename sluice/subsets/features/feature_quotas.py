"""Ranks of rows within each of their features, and what quotas of features keep.

What T-FREX's selection and CDIS by feature share. A row that is number q (from 0) of the T rows
with a feature is kept for it by every share above q / T. Its entry share is the least of these
over its features: the share from which on some feature keeps it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import DataError
from sluice.graphs.features import FeatureRows, feature_rows

NO_FEATURE = "no feature"
Features = FeatureRows | Sequence[Sequence[str]]


@dataclass(frozen=True)
class Ranks:
    """Rank of each entry (a row and one of its features) among the feature's rows.

    Attributes
    ----------
    features : FeatureRows
    rank : ndarray of int64, shape (entries,)
        From 0.
    size : ndarray of int64, shape (F,)
        Rows with each feature.
    """

    features: FeatureRows
    rank: NDArray[np.int64]
    size: NDArray[np.int64]

    def entry_share(self) -> NDArray[np.float64]:
        """Least rank / size of each row's features, shape (n,); infinite where it has none.

        Equal fractions are equal numbers, and others are not, up to 2^26 rows.
        """
        found = np.full(len(self.features), np.inf)
        codes = self.features.codes
        np.minimum.at(found, self.features.rows, self.rank / self.size[codes])
        return found


def ranks_of(features: FeatureRows, *keys: NDArray[np.generic]) -> Ranks:
    """Rank the rows of each feature.

    Parameters
    ----------
    features : FeatureRows
    *keys : ndarray, shape (entries,)
        Of each entry, the first one foremost; lower comes first. Ties by position.

    Returns
    -------
    Ranks

    Notes
    -----
    Cost: one sort of the entries.
    """
    codes = features.codes
    order = np.lexsort((features.rows, *reversed(keys), codes))
    size = np.bincount(codes, minlength=len(features.names)).astype(np.int64)
    first = np.cumsum(size) - size
    rank = np.empty(len(codes), dtype=np.int64)
    rank[order] = np.arange(len(codes)) - first[codes[order]]
    return Ranks(features, rank, size)


def checked_features(features: Features, n: int) -> FeatureRows:
    """Return features as compressed sparse rows.

    Raises
    ------
    DataError
        They are not of `n` rows, or see `sluice.graphs.features.feature_rows`.
    """
    rows = features if isinstance(features, FeatureRows) else feature_rows(features)
    if len(rows) != n:
        raise DataError(f"Features are of {len(rows)} rows; give those of the {n} embeddings.")
    return rows


def without_feature(features: FeatureRows, keep_empty: bool) -> tuple[FeatureRows, str]:
    """Let the rows without a feature share one, or say how many cannot be kept.

    Returns
    -------
    features : FeatureRows
    note : str
    """
    empty = int((np.diff(features.begin) == 0).sum())
    if not empty:
        return features, ""
    if keep_empty:
        return features.with_empty(NO_FEATURE), ""
    return features, (
        f"{empty} of {len(features)} rows have no feature and cannot be kept (keep_empty=True "
        "gives them a quota of their own)."
    )
