"""Rows of the task text: texts, or vectors of them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sluice.data.config import DatasetConfig
from sluice.data.values.one_column import texts_of
from sluice.tasks.caller_rows import Rows, class_codes, dense, given_names, ordinals, unit_vectors


@dataclass(frozen=True)
class TextRows(Rows):
    """Texts with classes, or none.

    Attributes
    ----------
    given : ndarray of float32, shape (n, d), or None
        The caller's own vectors, of unit length, in place of texts.
    """

    given: NDArray[np.float32] | None = None

    @classmethod
    def take(
        cls,
        X: Any,
        y: Iterable[Hashable] | None,
        ids: Sequence[Hashable] | None,
        config: DatasetConfig,
        **given: Any,
    ) -> Self:
        """Take texts or vectors, see `sluice.select`."""
        rows = dense(X)
        # An array of another library, such as a tensor, or of objects: vectors, not texts.
        wide = getattr(rows, "ndim", 0) == 2 and not hasattr(rows, "columns") and rows.shape[1] != 1
        of_numbers = wide or (isinstance(rows, np.ndarray) and rows.dtype.kind in "fiu")
        vectors = unit_vectors(rows) if of_numbers else None
        texts = [] if vectors is not None else texts_of(rows, "X")
        contents = [row.tobytes() for row in vectors] if vectors is not None else texts
        n = len(contents)
        names = given_names(ids, n)
        if names is None:
            raw = [each.encode() if isinstance(each, str) else each for each in contents]
            names = ordinals([sha256(each).hexdigest() for each in raw], "06d")
        labels, classes = class_codes(y, n)
        places = np.arange(n, dtype=np.int64)
        return cls(
            *(config, names, places, texts, labels, classes, ids is not None),
            given=vectors,
            **given,
        )

    @cached_property
    def vectors(self) -> NDArray[np.float32]:
        """The caller's own vectors, or what the encoder makes of the texts, shape (n, d)."""
        return self.embed(self.texts) if self.given is None else self.given

    @property
    def words(self) -> list[str] | None:
        """The texts as they were given, None where vectors were."""
        return self.texts if self.given is None else None

    def at(self, positions: NDArray[np.int64], **changes: Any) -> Self:
        """Return some of the rows, in the order of the positions."""
        given = None if self.given is None else self.given[positions]
        return super().at(positions, given=given, **changes)
