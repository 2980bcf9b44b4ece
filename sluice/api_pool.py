"""What a method needs of the rows, computed and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.graphs.instance_graphs.instance_graph import InstanceGraph
from sluice.graphs.knn import KnnGraph
from sluice.scores.registry import Score, ScoreInputs, score
from sluice.subsets.contract import Pool, Selector


def reads_labels(method: Selector) -> bool:
    """Whether labels are needed, by the method or by a score that it reads."""
    inputs = [each.needs for each in _scores(method)]
    return "labels" in method.needs or any({"probabilities", "labels"} & needs for needs in inputs)


def reads_vectors(method: Selector) -> bool:
    """Whether vectors are needed, by the method or for its graph or scores."""
    return method.needs != frozenset({"labels"})


def make_pool(
    method: Selector,
    task: str,
    names: NDArray[np.str_],
    vectors: NDArray[np.float32],
    labels: NDArray[np.int64] | None,
    classes: tuple[str, ...],
    options: Mapping[str, Any],
) -> Pool:
    """Compute the graph and the scores that a method needs.

    Parameters
    ----------
    method : Selector
    task : str
        Whose graph: the exact kNN graph for texts, for tables the graph of instances that the
        method's option ``graph`` names (``minibatch`` where it has none).
    names : ndarray of str, shape (n,)
        Ascending.
    vectors : ndarray of float32, shape (n, d)
    labels : ndarray of int64, shape (n,), or None
    classes : tuple of str
    options : mapping of str to object
        Every option of the method.

    Returns
    -------
    Pool
    """
    scored = _scores(method)
    graph = probabilities = None
    if "graph" in method.needs or any("graph" in each.needs for each in scored):
        graph = _graph(task, names, vectors, labels, options)
    if any("probabilities" in each.needs for each in scored):
        from sluice.heads.out_of_fold import out_of_fold_probabilities

        assert labels is not None
        probabilities = out_of_fold_probabilities(vectors, labels, ids=names, folds=5, seed=0)
    given = ScoreInputs(
        probabilities, labels, graph, embeddings=vectors, ids=names, options=options, memo={}
    )
    scores = {each.name: each.compute(given) for each in scored}
    return Pool(names, vectors if vectors.size else None, labels, graph, scores, classes)


def _scores(method: Selector) -> list[Score]:
    return [score(need.partition(":")[2]) for need in sorted(method.needs) if ":" in need]


def _graph(
    task: str,
    names: NDArray[np.str_],
    vectors: NDArray[np.float32],
    labels: NDArray[np.int64] | None,
    options: Mapping[str, Any],
) -> KnnGraph | InstanceGraph:
    if task == "text":
        return KnnGraph.build(names, vectors)
    from sluice.graphs.instance_graphs.methods import build

    return build(str(options.get("graph", "minibatch")), names, vectors, labels, seed=0)
