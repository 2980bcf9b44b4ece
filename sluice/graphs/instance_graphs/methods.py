"""Every graph of instances by name, and one call that builds any of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.arrays import check_unique, checked_labels, checked_vectors
from sluice.core.errors import ConfigError, DataError, UnknownNameError
from sluice.core.progress import track
from sluice.data.values.one_column import id_array
from sluice.graphs.instance_graphs import hashed, minibatch, multilevel, multiview
from sluice.graphs.instance_graphs.instance_graph import InstanceGraph
from sluice.graphs.instance_graphs.parts import Edges, GraphMethod, Part
from sluice.graphs.knn import id_ranks

__all__ = ["GRAPHS", "Edges", "GraphMethod", "Part", "build", "graph_method", "resolved_options"]

_ALL = (minibatch.METHOD, hashed.METHOD, multilevel.METHOD, multiview.METHOD)

GRAPHS: dict[str, GraphMethod] = {method.name: method for method in _ALL}


def graph_method(name: str) -> GraphMethod:
    """Look a graph up.

    Raises
    ------
    UnknownNameError
        There is no such graph; the message names the nearest.
    """
    if name not in GRAPHS:
        raise UnknownNameError.of("graph", name, list(GRAPHS))
    return GRAPHS[name]


def resolved_options(method: GraphMethod, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return every option of a graph: those given, the defaults of the rest. Lists become tuples.

    Raises
    ------
    UnknownNameError
        The graph has no such option.
    ConfigError
        A value is out of its range.
    """
    kind = f"option of graph {method.name!r}"
    options = dict(method.options)
    for name, value in given.items():
        if name not in options:
            raise UnknownNameError.of(kind, name, list(options))
        options[name] = tuple(value) if isinstance(value, list) else value
        if not _alike(options[name], method.options[name]):
            raise ConfigError(
                f"The {kind} {name} is {value!r}; give a value like {method.options[name]!r}."
            )
    method.check(**options)
    return options


def _alike(value: Any, default: Any) -> bool:
    """Whether a value is of the kind of its default; None stands for a number left to us."""
    if isinstance(default, str):
        return isinstance(value, str)
    if isinstance(default, tuple):
        return isinstance(value, tuple) and all(_alike(each, default[0]) for each in value)
    if value is None or isinstance(value, bool):
        return value is default
    return isinstance(value, Integral if isinstance(default, int) else Real)


def build(
    name: str,
    ids: NDArray[np.str_] | Sequence[str],
    rows: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]] | None = None,
    seed: int = 0,
    **options: Any,
) -> InstanceGraph:
    """Build a graph whole.

    Parameters
    ----------
    name : str
        One of `GRAPHS`.
    ids : sequence of str, length n
        Unique, in any order: the same ids, rows and seed give the same graph.
    rows : ndarray of float, shape (n, d)
        Finite, on one scale (standardised). Taken as float32.
    labels : ndarray of int, shape (n,), or None
        Codes from 0 on; only exactly stratified batches need them.
    seed : int
    **options
        See the graph's `GraphMethod.options`.

    Returns
    -------
    InstanceGraph
        Over the ids in the order given. Rows without a partner are isolated.

    Raises
    ------
    UnknownNameError
        There is no such graph or option.
    ConfigError
        An option is out of its range.
    DataError
        Ids repeat, rows are not a finite matrix, or the numbers of ids, rows and labels differ.
    """
    method = graph_method(name)
    chosen = resolved_options(method, options)
    names = id_array(ids)
    table, classes = _checked(names, rows, labels)
    ranks = id_ranks(names)
    order = np.argsort(ranks)
    in_order = bool((order == np.arange(len(order))).all())
    if not in_order:
        names, table = names[order], table[order]
        classes = classes if classes is None else classes[order]
    parts = method.partition(names, table, classes, seed, **chosen)
    edges: list[Edges] = []
    with track(f"graph {name}", len(parts)) as advance:
        for part in parts:
            inside = (table[part.positions], names[part.positions])
            edges.append(method.edges(*inside, seed, part.key, **chosen))
            advance()
    graph = method.unite(names, parts, edges, **chosen)
    return graph if in_order else graph.permuted(ranks)


def _checked(
    ids: NDArray[np.str_],
    rows: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]] | None,
) -> tuple[NDArray[np.float32], NDArray[np.int64] | None]:
    """Return the rows as float32 and the labels as int64, or say what is wrong with them."""
    check_unique(ids)
    if not len(ids):
        raise DataError("A graph needs at least one row; give ids and rows.")
    table = checked_vectors("Rows", rows, len(ids), dtype=np.float32, ids=ids)
    return table, None if labels is None else checked_labels(labels, len(ids))
