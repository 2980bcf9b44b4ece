"""GAIS: the rows of a table that others attend to in a trained graph attention network.

arXiv 2412.19201 and 2502.20293. The graph, the networks and the scores are made before; see
`sluice.graphs.instance_graphs.methods` and `sluice.scores.graph_attention.gat_scores`. Values that
the papers leave open are ours and named where they are used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError, UnknownNameError
from sluice.core.randomness import keyed_bits
from sluice.scores.graph_attention.gat_scores import NAMES
from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.covering.k_medoids_clusters import cluster
from sluice.subsets.describe import class_name
from sluice.subsets.quotas import class_quotas, interleave

ITERATIONS = 25
"""Most k-means updates of a clustering, as for `k_medoids`."""


def gais(
    pool: Pool,
    budget: int,
    seed: int,
    *,
    score: str = "attention",
    rank: str = "class",
    diverse: bool = False,
    **training: Any,
) -> Picks:
    """Keep the rows with the highest score, class by class.

    Parameters
    ----------
    pool : Pool
        Sorted by id, with embeddings, labels and the six scores of the networks.
    budget : int
        From 1 to n.
    seed : int
        Read with `diverse` only, where it moves the start of k-means. The networks have a seed
        of their own, ``network_seed``: all seeds of a selection share one training.
    score : str
        What ranks (or, with `diverse`, weighs): one of `NAMES`.
    rank : {"class", "global"}
        ``"class"``: Webster quotas with a floor of one. ``"global"``: the highest of all
        classes together, after the best of each class.
    diverse : bool
        Ours. Rows whose label the networks deny are dropped, and each class is represented by
        medoids weighted by the score; see `_diverse`. Not nested.
    **training
        Options of the graph and the networks, which have been read by now.

    Returns
    -------
    Picks
        Gain: the score; with `diverse`, the rows of the cluster.

    Raises
    ------
    UnknownNameError
        There is no such score.
    ConfigError
        `rank` or `diverse` has no such value, or both are asked for.

    Notes
    -----
    Nested by default. Ties: lower id. Cost n log n beyond the scores.
    """
    if score not in NAMES:
        raise UnknownNameError.of("score of gais", score, list(NAMES))
    if rank not in ("class", "global"):
        raise ConfigError(f"rank is {rank!r}; use 'class' or 'global'.")
    if diverse not in (False, True):
        raise ConfigError(f"diverse is {diverse!r}; use true or false.")
    if diverse and rank == "global":
        raise ConfigError("diverse=True fills class quotas; leave out rank='global'.")
    if diverse:
        return _diverse(pool, budget, seed, score)
    labels, values = pool.labels, pool.scores[score]
    assert labels is not None
    ranking = np.argsort(-values, kind="stable")
    if rank == "class":
        positions = interleave(labels, ranking, budget)
    else:
        positions = _with_floor(labels, ranking)[:budget]
    standing = _standing(pool, score)
    confidence = pool.scores["gat_confidence"]
    reasons = [
        f"{standing(p)} Unseen, the networks give its label {confidence[p]:.2f}."
        for p in positions.tolist()
    ]
    return Picks(positions, values[positions], reasons)


def _diverse(pool: Pool, budget: int, seed: int, score: str) -> Picks:
    """Edit, then keep the weighted medoid of each cluster of each class.

    A class that editing leaves below its quota gets its denied rows back, the most confident
    first (ties: lower id). Quotas are those of the whole pool.
    """
    labels, rows, values = pool.labels, pool.embeddings, pool.scores[score]
    assert labels is not None
    assert rows is not None
    sizes = np.bincount(labels)
    quotas = class_quotas(sizes, budget)
    bits = keyed_bits(seed, pool.ids)
    positions, counts = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for c in np.flatnonzero(quotas).tolist():
        quota = int(quotas[c])
        some = _candidates(pool, np.flatnonzero(labels == c), quota)
        found = cluster(rows[some], quota, bits[some], ITERATIONS, weights=values[some])
        positions.append(some[found.medoids])
        counts.append(found.sizes)
    kept, count = np.concatenate(positions), np.concatenate(counts)
    order = np.lexsort((kept, -count))
    kept, count = kept[order], count[order]
    standing = _standing(pool, score)
    agreement, confidence = pool.scores["gat_agreement"], pool.scores["gat_confidence"]
    reasons = [
        f"{standing(p)} Weighted medoid of a cluster of {size}; "
        + (
            f"the networks do not deny its label ({confidence[p]:.2f})."
            if agreement[p] > 0
            else f"the networks deny its label ({confidence[p]:.2f}), but its class was below its "
            f"quota of {quotas[labels[p]]}."
        )
        for p, size in zip(kept.tolist(), count.tolist(), strict=True)
    ]
    return Picks(kept, count.astype(np.float64), reasons)


def _candidates(pool: Pool, members: NDArray[np.int64], quota: int) -> NDArray[np.int64]:
    """Rows of a class that editing leaves, filled up to its quota; ascending."""
    agrees = pool.scores["gat_agreement"][members] > 0
    left, denied = members[agrees], members[~agrees]
    if len(left) >= quota:
        return left
    confidence = pool.scores["gat_confidence"][denied]
    back = denied[np.argsort(-confidence, kind="stable")[: quota - len(left)]]
    return np.sort(np.concatenate([left, back]))


def _with_floor(labels: NDArray[np.int64], ranking: NDArray[np.int64]) -> NDArray[np.int64]:
    """Ranking with the best row of each class first, larger classes before smaller ones."""
    present = np.unique(labels)
    first = interleave(labels, ranking, len(present))
    rest = np.isin(ranking, first, invert=True)
    return np.concatenate([first, ranking[rest]])


def _rank_in_class(labels: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Place of each row among its class by score, from 1, shape (n,)."""
    order = np.lexsort((np.arange(len(labels)), -values, labels))
    sizes = np.bincount(labels)
    place = np.empty(len(labels), dtype=np.int64)
    place[order] = np.arange(len(labels)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + 1
    return place


_WORDS = {
    "attention": "Attention received",
    "attention_by_degree": "Attention received per neighbour",
    "attention_by_layer": "Share of each layer's attention received",
    "gat_confidence": "Out-of-fold probability of its label",
    "gat_agreement": "Agreement of the networks with its label",
    "degree": "Neighbours in the graph",
}


def _standing(pool: Pool, score: str) -> Callable[[int], str]:
    """Return the words for a row's score and its place in its class."""
    labels, values = pool.labels, pool.scores[score]
    assert labels is not None
    sizes, place = np.bincount(labels), _rank_in_class(labels, values)

    def words(position: int) -> str:
        c = int(labels[position])
        return (
            f"{_WORDS[score]} {values[position]:.4g}: number {place[position]} of {sizes[c]} in "
            f"class {class_name(pool, c)}."
        )

    return words


SELECTOR = Selector(
    name="gais",
    core=gais,
    version="1",
    needs=frozenset({"embeddings", "labels", *(f"scores:{name}" for name in NAMES)}),
    tasks=frozenset({"tabular"}),
    stochastic=False,
    nested=True,
    class_floor=True,
    summary="The rows that others attend to in a graph attention network trained on the table.",
    formula="I_j = mean over heads, layers of sum over i != j of alpha_ij; Webster quotas",
    paper="GAIS, arXiv 2412.19201 and 2502.20293",
    cost="networks x at most 2,000 steps of 2,048 rows, or 10 epochs",
    options={
        "graph": "minibatch",
        "networks": 3,
        "epochs": 200,
        "network_seed": 0,
        "score": "attention",
        "rank": "class",
        "diverse": False,
    },
)
