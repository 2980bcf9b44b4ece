"""EchoMod: whatever edits rows towards their given labels.

In EchoAlign it is a controllable generator of pictures that sees the picture and its given class.
Here it is an interface: `sluice.noise.nearest_instance` for whatever has vectors,
`sluice.noise.class_conditional` for tables, `sluice.noise.rewriting` for texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Modified:
    """Rows after their edit.

    Attributes
    ----------
    embeddings : ndarray of float, shape (n, d)
        In the space of the embeddings that went in.
    content : list of str, length n, or None
        The edited rows themselves, where the edit was made on them and not on vectors.
    """

    embeddings: NDArray[np.floating]
    content: list[str] | None = None


class EchoMod(Protocol):
    """Edits rows towards their given labels and keeps the rest of them as it is."""

    def modify(
        self,
        x: NDArray[np.floating],
        y: NDArray[np.int64],
        *,
        ids: NDArray[np.str_],
        content: Sequence[str] | None = None,
    ) -> Modified:
        """Edit every row.

        Parameters
        ----------
        x : ndarray of float, shape (n, d)
            Embeddings of the rows.
        y : ndarray of int64, shape (n,)
            Given labels, right or wrong.
        ids : ndarray of str, shape (n,)
            Unique; they break ties and key randomness.
        content : sequence of str, length n, optional
            The rows themselves, for generators that edit them and not their vectors.

        Returns
        -------
        Modified
        """
        ...
