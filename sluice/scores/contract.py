"""What every score takes and says of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import DataError
from sluice.graphs.instance_graphs.instance_graph import InstanceGraph
from sluice.graphs.knn import KnnGraph


@dataclass(frozen=True)
class ScoreInputs:
    """What scores are computed from; a score reads only what it `needs`.

    Attributes
    ----------
    probabilities : ndarray of float64, shape (n, C), or None
        Out-of-fold class probabilities.
    labels : ndarray of int64, shape (n,), or None
        Given classes, 0 to C-1.
    graph : KnnGraph or InstanceGraph or None
        Over the same rows in the same order: the exact cosine kNN graph for texts, a graph of
        instances for tables.
    embeddings : ndarray of float32, shape (n, d), or None
    ids : ndarray of str, shape (n,), or None
        Ascending.
    options : mapping of str to object
        Options of the selector that asks, for scores that have the same ones.
    memo : dict
        What scores of one run share, such as one trained network.
    """

    probabilities: NDArray[np.float64] | None = None
    labels: NDArray[np.int64] | None = None
    graph: KnnGraph | InstanceGraph | None = None
    embeddings: NDArray[np.float32] | None = None
    ids: NDArray[np.str_] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    memo: dict[str, Any] = field(default_factory=dict)

    def need_probabilities(self) -> NDArray[np.float64]:
        """Return the probabilities, or raise `DataError`."""
        if self.probabilities is None:
            raise DataError(
                "This score needs class probabilities; train the out-of-fold heads first."
            )
        return self.probabilities

    def need_labels(self) -> NDArray[np.int64]:
        """Return the labels, or raise `DataError`."""
        if self.labels is None:
            raise DataError("This score needs labels; name the label column.")
        return self.labels

    def need_graph(self) -> KnnGraph:
        """Return the kNN graph, or raise `DataError`."""
        if not isinstance(self.graph, KnnGraph):
            raise DataError("This score needs the kNN graph; build it first.")
        return self.graph


@dataclass(frozen=True)
class Score:
    """One registered score.

    Attributes
    ----------
    name : str
    version : str
        Changes whenever the same input may give another value.
    needs : frozenset of str
        Of ``"probabilities"``, ``"graph"``, ``"embeddings"`` and ``"labels"``.
    summary, formula, paper : str
        For people: one line each.
    compute : callable
        ``compute(inputs) -> ndarray of float64, shape (n,)``.
    tasks : frozenset of str
        Tasks in whose lineage the score appears.
    """

    name: str
    version: str
    needs: frozenset[str]
    summary: str
    formula: str
    paper: str
    compute: Callable[[ScoreInputs], NDArray[np.float64]]
    tasks: frozenset[str] = frozenset({"text"})
