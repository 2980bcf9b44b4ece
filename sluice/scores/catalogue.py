"""Scores of rows by what a classifier, a graph or a network says of them: a card for each."""

from __future__ import annotations

from sluice.scores.contract import Score
from sluice.scores.density import density
from sluice.scores.graph_attention.gat_scores import VERSION as GAT
from sluice.scores.graph_attention.gat_scores import gat_score
from sluice.scores.label_quality import label_quality
from sluice.scores.uncertainty import entropy, least_confidence, margin

_SURVEY = "Settles, Active Learning Literature Survey, 2009"
_PROBABILITIES = frozenset({"probabilities"})
_GAIS = "GAIS, arXiv 2502.20293; GAT, arXiv 1710.10903"
_OF_GRAPH = frozenset({"graph", "embeddings", "labels"})
_TABULAR = frozenset({"tabular"})


LEAST_CONFIDENCE = Score(
    "least_confidence",
    "1",
    _PROBABILITIES,
    "How far the classifier's best guess is from certainty; higher is more uncertain.",
    "1 - p1",
    _SURVEY,
    lambda inputs: least_confidence(inputs.need_probabilities()),
)

MARGIN = Score(
    "margin",
    "1",
    _PROBABILITIES,
    "How close the two best classes are; higher is more uncertain.",
    "1 - (p1 - p2)",
    _SURVEY,
    lambda inputs: margin(inputs.need_probabilities()),
)

ENTROPY = Score(
    "entropy",
    "1",
    _PROBABILITIES,
    "How spread the class probabilities are, in nats; higher is more uncertain.",
    "-sum_c p_c log p_c",
    _SURVEY,
    lambda inputs: entropy(inputs.need_probabilities()),
)

DENSITY = Score(
    "density",
    "1",
    frozenset({"graph"}),
    "How much a row resembles its nearest neighbours; higher is denser.",
    "mean cosine to the k nearest rows",
    "Settles and Craven, EMNLP 2008, with k neighbours instead of all rows (ours)",
    lambda inputs: density(inputs.need_graph()),
)

LABEL_QUALITY = Score(
    "label_quality",
    "1",
    frozenset({"probabilities", "labels"}),
    "How much the classifier agrees with the given label; low means a likely label error.",
    "p_y, out of fold",
    "Northcutt et al., arXiv 1911.00068 (cleanlab)",
    lambda inputs: label_quality(inputs.need_labels(), inputs.need_probabilities()),
)

ATTENTION = Score(
    "attention",
    GAT,
    _OF_GRAPH,
    "How much attention other rows pay to a row in a trained graph attention network.",
    "mean over heads, then layers, of sum over i != j of alpha_ij",
    _GAIS,
    lambda inputs: gat_score("attention", inputs),
    _TABULAR,
)

ATTENTION_BY_DEGREE = Score(
    "attention_by_degree",
    GAT,
    _OF_GRAPH,
    "Attention received per neighbour; prefers outliers.",
    "attention / degree",
    _GAIS + "; the division is ours",
    lambda inputs: gat_score("attention_by_degree", inputs),
    _TABULAR,
)

ATTENTION_BY_LAYER = Score(
    "attention_by_layer",
    GAT,
    _OF_GRAPH,
    "Attention received as a share of each layer's, mean over layers.",
    "mean over layers of I_j / sum_j I_j",
    _GAIS + "; the shares are ours",
    lambda inputs: gat_score("attention_by_layer", inputs),
    _TABULAR,
)

GAT_CONFIDENCE = Score(
    "gat_confidence",
    GAT,
    _OF_GRAPH,
    "Probability of the given label by a network that has not seen it.",
    "p_y, out of fold",
    "Graph-based instance selection, arXiv 2412.19201",
    lambda inputs: gat_score("gat_confidence", inputs),
    _TABULAR,
)

GAT_AGREEMENT = Score(
    "gat_agreement",
    GAT,
    _OF_GRAPH,
    "1 where a network that has not seen the label predicts it, or has not learnt; else 0.",
    "1[argmax p = y], out of fold",
    "Ours; editing as in Wilson, 1972",
    lambda inputs: gat_score("gat_agreement", inputs),
    _TABULAR,
)

DEGREE = Score(
    "degree",
    GAT,
    frozenset({"graph"}),
    "Number of neighbours in the graph: the control for attention.",
    "|N(j)|",
    "Ours, as a control",
    lambda inputs: gat_score("degree", inputs),
    _TABULAR,
)
