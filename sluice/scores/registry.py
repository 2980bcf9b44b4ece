"""Every score by name: one line here makes a score exist everywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import DataError, UnknownNameError
from sluice.graphs.instance_graphs.instance_graph import InstanceGraph
from sluice.graphs.knn import KnnGraph
from sluice.scores.density import density
from sluice.scores.graph_attention.gat_scores import VERSION as GAT
from sluice.scores.graph_attention.gat_scores import gat_score
from sluice.scores.label_quality import label_quality
from sluice.scores.uncertainty import entropy, least_confidence, margin


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


_SURVEY = "Settles, Active Learning Literature Survey, 2009"
_PROBABILITIES = frozenset({"probabilities"})
_GAIS = "GAIS, arXiv 2502.20293; GAT, arXiv 1710.10903"
_OF_GRAPH = frozenset({"graph", "embeddings", "labels"})
_TABULAR = frozenset({"tabular"})

SCORES: Mapping[str, Score] = MappingProxyType({
    score.name: score
    for score in (
        Score(
            "least_confidence", "1", _PROBABILITIES,
            "How far the classifier's best guess is from certainty; higher is more uncertain.",
            "1 - p1", _SURVEY,
            lambda inputs: least_confidence(inputs.need_probabilities()),
        ),
        Score(
            "margin", "1", _PROBABILITIES,
            "How close the two best classes are; higher is more uncertain.",
            "1 - (p1 - p2)", _SURVEY,
            lambda inputs: margin(inputs.need_probabilities()),
        ),
        Score(
            "entropy", "1", _PROBABILITIES,
            "How spread the class probabilities are, in nats; higher is more uncertain.",
            "-sum_c p_c log p_c", _SURVEY,
            lambda inputs: entropy(inputs.need_probabilities()),
        ),
        Score(
            "density", "1", frozenset({"graph"}),
            "How much a row resembles its nearest neighbours; higher is denser.",
            "mean cosine to the k nearest rows",
            "Settles and Craven, EMNLP 2008, with k neighbours instead of all rows (ours)",
            lambda inputs: density(inputs.need_graph()),
        ),
        Score(
            "label_quality", "1", frozenset({"probabilities", "labels"}),
            "How much the classifier agrees with the given label; low means a likely label error.",
            "p_y, out of fold", "Northcutt et al., arXiv 1911.00068 (cleanlab)",
            lambda inputs: label_quality(inputs.need_labels(), inputs.need_probabilities()),
        ),
        Score(
            "attention", GAT, _OF_GRAPH,
            "How much attention other rows pay to a row in a trained graph attention network.",
            "mean over heads, then layers, of sum over i != j of alpha_ij", _GAIS,
            lambda inputs: gat_score("attention", inputs), _TABULAR,
        ),
        Score(
            "attention_by_degree", GAT, _OF_GRAPH,
            "Attention received per neighbour; prefers outliers.",
            "attention / degree", _GAIS + "; the division is ours",
            lambda inputs: gat_score("attention_by_degree", inputs), _TABULAR,
        ),
        Score(
            "attention_by_layer", GAT, _OF_GRAPH,
            "Attention received as a share of each layer's, mean over layers.",
            "mean over layers of I_j / sum_j I_j", _GAIS + "; the shares are ours",
            lambda inputs: gat_score("attention_by_layer", inputs), _TABULAR,
        ),
        Score(
            "gat_confidence", GAT, _OF_GRAPH,
            "Probability of the given label by a network that has not seen it.",
            "p_y, out of fold", "Graph-based instance selection, arXiv 2412.19201",
            lambda inputs: gat_score("gat_confidence", inputs), _TABULAR,
        ),
        Score(
            "gat_agreement", GAT, _OF_GRAPH,
            "1 where a network that has not seen the label predicts it, or has not learnt; else 0.",
            "1[argmax p = y], out of fold", "Ours; editing as in Wilson, 1972",
            lambda inputs: gat_score("gat_agreement", inputs), _TABULAR,
        ),
        Score(
            "degree", GAT, frozenset({"graph"}),
            "Number of neighbours in the graph: the control for attention.",
            "|N(j)|", "Ours, as a control",
            lambda inputs: gat_score("degree", inputs), _TABULAR,
        ),
    )
})  # fmt: skip


def score(name: str) -> Score:
    """Look a score up.

    Raises
    ------
    UnknownNameError
        There is no such score; the message names the nearest.
    """
    if name not in SCORES:
        raise UnknownNameError.of("score", name, list(SCORES))
    return SCORES[name]
