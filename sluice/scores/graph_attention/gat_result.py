"""Everything that one training of the graph attention networks gives."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sluice.scores.graph_attention.attention import attention, by_degree, by_layer
from sluice.scores.graph_attention.baseline_gate import Gate


@dataclass(frozen=True)
class Ablation:
    """What one head is worth: the out-of-fold errors without it less those with it.

    Attributes
    ----------
    layer, head : int
        From 0.
    error : float
        Change of the share of wrong rows; above 0 for a head that helps.
    cross_entropy : float
        Change of the mean cross-entropy, in nats.
    right : ndarray of bool, shape (n,)
        Which rows are right without it.
    """

    layer: int
    head: int
    error: float
    cross_entropy: float
    right: NDArray[np.bool_]


@dataclass(frozen=True)
class GatResult:
    """Everything that one training gives, rows in the order of the ids given.

    Attributes
    ----------
    ids : ndarray of str, shape (n,)
    received : list of ndarray of float64, shape (heads, n)
        Attention received from others, a matrix a layer, averaged over the networks.
    probabilities : ndarray of float64, shape (n, C)
        Out of fold.
    agreement : ndarray of float64, shape (n,)
        1 where the out-of-fold class is the given one, or nothing speaks against it: the gate is
        shut, or no network saw the class of the row while it left the row out. Else 0.
    labels : ndarray of int64, shape (n,)
    degrees : ndarray of int64, shape (n,)
    gate : Gate
    ablations : tuple of Ablation
        Empty unless asked for.
    cut : int
        Edges that no step saw; see `sluice.scores.graph_attention.subgraph_batches.packs_of`.
    seconds : float
        Of the clock.
    device : str
    """

    ids: NDArray[np.str_]
    received: list[NDArray[np.float64]]
    probabilities: NDArray[np.float64]
    agreement: NDArray[np.float64]
    labels: NDArray[np.int64]
    degrees: NDArray[np.int64]
    gate: Gate
    ablations: tuple[Ablation, ...]
    cut: int
    seconds: float
    device: str

    @property
    def accuracy(self) -> float:
        """Out-of-fold accuracy of the networks on all rows."""
        return float(self.right().mean())

    def right(self) -> NDArray[np.bool_]:
        """Which rows are right out of fold, shape (n,)."""
        return self.probabilities.argmax(axis=1) == self.labels

    def scores(self) -> dict[str, NDArray[np.float64]]:
        """Return the six scores by name, each of float64 and shape (n,)."""
        whole = attention(self.received)
        return {
            "attention": whole,
            "attention_by_degree": by_degree(whole, self.degrees),
            "attention_by_layer": by_layer(self.received),
            "gat_confidence": self.probabilities[np.arange(len(self.labels)), self.labels],
            "gat_agreement": self.agreement,
            "degree": self.degrees.astype(np.float64),
        }

    def head_scores(self) -> dict[str, NDArray[np.float64]]:
        """Return the attention of each head, as ``attention/layer0/head2``."""
        return {
            f"attention/layer{layer}/head{head}": values
            for layer, heads in enumerate(self.received)
            for head, values in enumerate(heads)
        }

    def permuted(self, order: NDArray[np.int64]) -> GatResult:
        """Return the same result with its rows in another order, shape (n,)."""
        return replace(
            self,
            ids=self.ids[order],
            # take keeps a matrix in the order of its rows, on which the last bits of a mean depend
            received=[layer.take(order, axis=1) for layer in self.received],
            probabilities=self.probabilities[order],
            agreement=self.agreement[order],
            labels=self.labels[order],
            degrees=self.degrees[order],
            ablations=tuple(replace(one, right=one.right[order]) for one in self.ablations),
        )
