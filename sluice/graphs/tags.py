"""What rows are about: their tags, and how much the tags resemble each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import DataError

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True)
class TagRows:
    """Rows and their tags.

    Attributes
    ----------
    rows : csr_array of float64, shape (n, L)
        1 where a row has a tag.
    names : tuple of str, length L
        The tags, ascending.
    vectors : ndarray of float32, shape (L, d)
        Unit vectors of the tags: their cosine is how much two tags resemble each other.
    """

    rows: csr_array
    names: tuple[str, ...]
    vectors: NDArray[np.float32]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows.indptr) - 1

    def of(self, positions: NDArray[np.int64]) -> TagRows:
        """Return the same for some rows, in the order of `positions`; all tags stay."""
        rows: Any = self.rows
        return TagRows(rows[positions], self.names, self.vectors)


def frequent_tags(tags: Sequence[Sequence[str]], min_rows: int) -> list[str]:
    """Return the tags that at least so many rows have, ascending; named twice they count once."""
    counts = Counter(tag for row in tags for tag in set(row))
    return sorted(tag for tag, count in counts.items() if count >= min_rows)


def tag_rows(
    tags: Sequence[Sequence[str]], names: Sequence[str], vectors: NDArray[np.float32]
) -> TagRows:
    """Put the tags of rows into a matrix; a tag that is named twice counts once.

    Parameters
    ----------
    tags : sequence of sequence of str, length n
    names : sequence of str, length L
        Tags that count, ascending; others are left out.
    vectors : ndarray of float32, shape (L, d)
        Unit vectors of `names`.

    Raises
    ------
    DataError
        Names and vectors do not fit each other.
    """
    from scipy.sparse import csr_array

    if len(names) != len(vectors):
        raise DataError(f"There are {len(names)} tags and {len(vectors)} vectors; give one each.")
    place = {name: column for column, name in enumerate(names)}
    columns = [sorted({place[tag] for tag in row if tag in place}) for row in tags]
    begin = np.cumsum([0, *map(len, columns)])
    flat = np.array([column for row in columns for column in row], dtype=np.int64)
    ones = np.ones(len(flat), dtype=np.float64)
    matrix = csr_array((ones, flat, begin), shape=(len(tags), len(names)))
    return TagRows(matrix, tuple(names), np.asarray(vectors, dtype=np.float32))
