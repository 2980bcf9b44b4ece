"""Which features rows have: the spans, types or other marks that each row is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import DataError


@dataclass(frozen=True)
class FeatureRows:
    """Rows and their features, as compressed sparse rows.

    Attributes
    ----------
    begin : ndarray of int64, shape (n + 1,)
        The codes of row r are ``codes[begin[r] : begin[r + 1]]``.
    codes : ndarray of int64, shape (entries,)
        0 to F - 1, ascending and distinct within a row.
    names : tuple of str, length F
    """

    begin: NDArray[np.int64]
    codes: NDArray[np.int64]
    names: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.begin) - 1

    @property
    def rows(self) -> NDArray[np.int64]:
        """Row of each entry, shape (entries,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.begin))

    def of(self, positions: NDArray[np.int64]) -> FeatureRows:
        """Return the same for some rows, in the order of `positions`; all features stay."""
        sizes = np.diff(self.begin)[positions]
        begin = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        # each entry: where its row's entries begin, and how far it is behind that
        step = np.arange(begin[-1]) - np.repeat(begin[:-1], sizes)
        codes = self.codes[np.repeat(self.begin[positions], sizes) + step]
        return FeatureRows(begin, codes, self.names)

    def with_empty(self, name: str) -> FeatureRows:
        """Return the same, with one more feature that just the rows without any have."""
        sizes = np.diff(self.begin)
        codes = np.insert(self.codes, self.begin[:-1][sizes == 0], len(self.names))
        begin = np.concatenate([[0], np.cumsum(np.maximum(sizes, 1))]).astype(np.int64)
        return FeatureRows(begin, codes, (*self.names, name))


def feature_rows(features: Sequence[Sequence[str]]) -> FeatureRows:
    """Put the features of rows into compressed sparse rows.

    Parameters
    ----------
    features : sequence of sequence of str, length n
        A feature that a row names twice counts once.

    Returns
    -------
    FeatureRows
        Names ascending.

    Raises
    ------
    DataError
        A row is one text and no list of them, or a feature is no text.
    """
    for row, named in enumerate(features):
        if isinstance(named, str) or not all(isinstance(name, str) for name in named):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise DataError(f"The features of row {row} are {named!r}; give a list of texts.")
    names = tuple(sorted({name for named in features for name in named}))
    place = {name: code for code, name in enumerate(names)}
    codes = [sorted({place[name] for name in named}) for named in features]
    begin = np.cumsum([0, *map(len, codes)], dtype=np.int64)
    flat = np.array([code for row in codes for code in row], dtype=np.int64)
    return FeatureRows(begin, flat, names)
