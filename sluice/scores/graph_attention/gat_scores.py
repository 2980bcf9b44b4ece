"""Scores of a graph attention network: trained once, read as six scores.

Nobody is scored by a network that has seen his label: each of the networks leaves out one fold,
and messages carry columns, never labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import DataError
from sluice.core.randomness import keyed_uniform
from sluice.graphs.instance_graphs.instance_graph import InstanceGraph
from sluice.heads.out_of_fold import assign_folds
from sluice.scores.graph_attention.baseline_gate import gate
from sluice.scores.graph_attention.gat import HEADS, GatConfig
from sluice.scores.graph_attention.gat_result import Ablation, GatResult
from sluice.scores.graph_attention.subgraph_batches import packs_of

if TYPE_CHECKING:
    from sluice.scores.contract import ScoreInputs

__all__ = ["NAMES", "VERSION", "Ablation", "GatResult", "gat_config", "gat_result", "gat_score"]

VERSION = "1"
"""Changes whenever the same content may give other scores."""

NAMES = (
    "attention",
    "attention_by_degree",
    "attention_by_layer",
    "gat_confidence",
    "gat_agreement",
    "degree",
)
"""The six scores."""


def gat_config(options: Mapping[str, Any]) -> GatConfig:
    """Read the options of training out of those of a selector; the rest is not for us.

    Raises
    ------
    ConfigError
        A value is out of its range.
    """
    named = {"networks": "networks", "epochs": "epochs", "network_seed": "seed", "device": "device"}
    return GatConfig(**{ours: options[name] for name, ours in named.items() if name in options})


def gat_result(
    ids: NDArray[np.str_],
    rows: NDArray[np.float32],
    labels: NDArray[np.int64],
    graph: InstanceGraph,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
    *,
    ablate: bool = False,
) -> GatResult:
    """Train the networks on a graph and read all that they say.

    Parameters
    ----------
    ids : ndarray of str, shape (n,)
        Unique, in any order: the same content gives the same result.
    rows : ndarray of float32, shape (n, d)
        Standardised.
    labels : ndarray of int64, shape (n,)
        From 0 on.
    graph : InstanceGraph
        Over the same ids in the same order.
    seed : int
        Of folds, weights, dropout and steps; the option ``network_seed`` goes first.
    options : mapping, optional
        ``networks``, ``epochs``, ``network_seed`` and ``device``; others are not read.
    ablate : bool
        Whether to silence every head of the first layer in turn and measure what that does. The
        only head of the second is the output itself.

    Returns
    -------
    GatResult

    Raises
    ------
    DataError
        Ids, rows, labels and graph do not fit each other.
    ConfigError
        An option is out of its range.

    Notes
    -----
    Cost linear in rows and edges: at most 2,000 steps of about 2,048 rows, or 10 epochs where
    they are more. Memory: the rows once, a few arrays of the edges, and one step. On one kind
    of machine and thread count the same bits.
    """
    from sluice.encoders.device import pick_device

    config = gat_config({"network_seed": seed, **(options or {})})
    _check(ids, rows, labels, graph)
    began = perf_counter()
    device = pick_device(config.device)
    order = np.argsort(ids, kind="stable")
    if bool((order == np.arange(len(order))).all()):
        return _trained((ids, rows, labels, graph), config, device, ablate, began)
    content = (ids[order], rows[order], labels[order], graph.permuted(order))
    return _trained(content, config, device, ablate, began).permuted(np.argsort(order))


def _trained(
    content: tuple[NDArray[np.str_], NDArray[np.float32], NDArray[np.int64], InstanceGraph],
    config: GatConfig,
    device: str,
    ablate: bool,
    began: float,
) -> GatResult:
    """Train on rows sorted by id."""
    from sluice.scores.graph_attention.gat_training import Table, read, train

    ids, rows, labels, graph = content
    folds = assign_folds(ids, folds=config.networks, seed=config.seed)
    chance = keyed_uniform(config.seed + 1, ids)  # apart from the folds' own hash
    packs = packs_of(graph)
    table = Table(rows, labels, int(labels.max()) + 1, folds, chance, packs)
    weights = train(table, config, device)
    reading = read(table, weights, device)
    predicted = reading.probabilities.argmax(axis=1)
    verdict = gate(ids, rows, labels, folds, predicted, config.seed)
    ablations: list[Ablation] = []
    for head in range(HEADS) if ablate else ():
        without = read(table, weights, device, silenced=(0, head)).probabilities
        ablations.append(_ablation(0, head, reading.probabilities, without, labels))
    return GatResult(
        ids=ids,
        received=reading.received,
        probabilities=reading.probabilities,
        agreement=_agreement(predicted, labels, folds, verdict.learnt),
        labels=labels,
        degrees=graph.degrees(),
        gate=verdict,
        ablations=tuple(ablations),
        cut=packs.cut,
        seconds=perf_counter() - began,
        device=device,
    )


def _agreement(
    predicted: NDArray[np.int64],
    labels: NDArray[np.int64],
    folds: NDArray[np.int64],
    learnt: bool,
) -> NDArray[np.float64]:
    if not learnt:
        return np.ones(len(labels))
    counts = np.zeros((int(folds.max()) + 1, int(labels.max()) + 1), dtype=np.int64)
    np.add.at(counts, (folds, labels), 1)
    unseen = counts[folds, labels] == counts.sum(axis=0)[labels]
    return ((predicted == labels) | unseen).astype(np.float64)


def _ablation(
    layer: int,
    head: int,
    whole: NDArray[np.float64],
    without: NDArray[np.float64],
    labels: NDArray[np.int64],
) -> Ablation:
    own = np.arange(len(labels)), labels
    least = np.finfo(np.float64).tiny  # a probability may round to 0
    entropy = [-np.log(np.maximum(p[own], least)).mean() for p in (without, whole)]
    right = without.argmax(axis=1) == labels
    error = (whole.argmax(axis=1) == labels).mean() - right.mean()
    return Ablation(layer, head, float(error), float(entropy[0] - entropy[1]), right)


def _check(
    ids: NDArray[np.str_],
    rows: NDArray[np.float32],
    labels: NDArray[np.int64],
    graph: InstanceGraph,
) -> None:
    if not len(ids) or not len(ids) == len(rows) == len(labels) or rows.ndim != 2:
        raise DataError(
            f"{len(ids)} ids, rows of shape {rows.shape} and {len(labels)} labels: give one of "
            "each for every row, and at least one row."
        )
    if not np.array_equal(graph.ids, ids):
        raise DataError("The graph is not over these ids in this order; build it from them.")


def gat_score(name: str, inputs: ScoreInputs) -> NDArray[np.float64]:
    """One of the six scores; the networks are trained once for all that share a memo.

    Parameters
    ----------
    name : str
        Of `NAMES`.
    inputs : ScoreInputs
        With ids, embeddings, labels and a graph of instances; ``"degree"`` reads the graph
        alone.

    Raises
    ------
    DataError
        Something is missing.
    """
    graph = inputs.graph
    if not isinstance(graph, InstanceGraph):
        raise DataError("This score needs a graph of instances; build one first.")
    if name == "degree":
        return graph.degrees().astype(np.float64)
    labels = inputs.need_labels()
    if inputs.ids is None or inputs.embeddings is None:
        raise DataError("This score needs ids and encoded rows; encode the table first.")
    # the graph is remembered with its scores, so that no other can take its identity
    key = f"gat/{id(graph)}/{gat_config(inputs.options)}"
    if key not in inputs.memo:
        found = gat_result(inputs.ids, inputs.embeddings, labels, graph, 0, inputs.options)
        inputs.memo[key] = (graph, found.scores())
    return inputs.memo[key][1][name]
