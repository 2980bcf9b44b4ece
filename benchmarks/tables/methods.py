"""The methods of the grid: a registered selector with options, under a name of its own."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.tables.protocol import Fold, fold_of
from sluice.graphs.instance_graphs.methods import build
from sluice.scores.registry import ScoreInputs, score
from sluice.subsets.contract import Pool
from sluice.subsets.registry import SELECTORS, selector
from sluice.subsets.runner import run


@dataclass(frozen=True)
class Method:
    """A column of the result tables.

    Attributes
    ----------
    selector : str
        Name in the registry of selectors; empty for ``all_rows``.
    options : dict
        Of the selector.
    seeds : int
        How many seeds, from 0.
    scales : bool
        Whether it is run on the tables above `halves.SMALL` rows: it is not n-squared.
    own_size : bool
        It keeps as many rows as it likes, whatever the budget.
    trains : bool
        It reads scores of a trained network, which its budgets and options share: all budgets of
        a fold are run together, and each cell states the time of the training as its own.
    """

    selector: str
    options: dict[str, Any] = field(default_factory=dict)
    seeds: int = 1
    scales: bool = False
    own_size: bool = False
    trains: bool = False


_CLASSICS = ("cnn", "enn", "all_knn", "drop3", "icf", "lss", "lsbo", "ldis", "cdis")


def _gais(graph: str, **options: Any) -> Method:
    return Method("gais", {"graph": graph} | options, scales=True, trains=True)


METHODS: dict[str, Method] = (
    {
        "all_rows": Method("", scales=True),
        "random_stratified": Method("random_stratified", seeds=5, scales=True),
        "k_medoids": Method("k_medoids", scales=True),
        "enn_k_medoids": Method("enn_k_medoids", scales=True),
        "subset_search": Method("subset_search", scales=True),
        "herding": Method("herding"),
        "facility_location": Method("facility_location"),
        "gais_minibatch": _gais("minibatch"),
        "gais_diverse": _gais("minibatch", diverse=True),  # after the one whose network it shares
        "gais_hash": _gais("hash"),
        "gais_multilevel": _gais("multilevel"),
        "gais_multiview": _gais("multiview"),
    }
    | {name: Method(name) for name in _CLASSICS}
    | {f"{name}_own": Method(name, own_size=True) for name in _CLASSICS}
    | {
        f"subset_search_{target}": Method("subset_search", {"target": target}, scales=True)
        for target in ("one_nearest_neighbour", "tree", "logistic")
    }
)
"""Every method by its name in the results."""


def version_of(method: Method) -> str | None:
    """Version of the selector, which cells carry; None where the registry has no such method."""
    if not method.selector:
        return "1"
    known = SELECTORS.get(method.selector)
    if known is None or not set(method.options) <= set(known.options):
        return None
    return known.version


def kept(fold: Fold, method: Method, budget: int, seed: int) -> dict[str, Any]:
    """Run a method on a training fold.

    Returns
    -------
    dict
        ``positions`` (ndarray of int64) of the kept rows in the fold, ``select_s``, the CPU
        seconds, and ``note``, what the method had to say, if anything.
    """
    if not method.selector:
        return {"positions": np.arange(len(fold.ids)), "select_s": 0.0}
    began = time.process_time()
    pool, trained_before = _pool(fold, method)
    chosen = selector(method.selector)
    asked = None if method.own_size else budget
    selection = run(chosen, pool, asked, seed, **method.options)
    seconds = time.process_time() - began + trained_before
    positions = np.searchsorted(fold.ids, selection.ids)
    outcome = {"positions": positions, "select_s": round(seconds, 4)}
    return outcome | ({"note": selection.note} if selection.note else {})


def _pool(fold: Fold, method: Method) -> tuple[Pool, float]:
    """What `sluice.select` would give the method, and CPU seconds that a cached part of it took.

    Not through `sluice.select` itself: that would encode the encoded columns again and train the
    network of `gais` anew for each budget.
    """
    chosen = selector(method.selector)
    scores = sorted(n.partition(":")[2] for n in chosen.needs if n.startswith("scores:"))
    if not scores and "graph" not in chosen.needs:
        return Pool(fold.ids, fold.train, fold.train_labels, class_names=fold.classes), 0.0
    graph = method.options.get("graph", chosen.options.get("graph", "minibatch"))
    before = _scored.cache_info().hits
    pool, seconds = _scored(fold.dataset, fold.number, method.selector, graph)
    return pool, seconds if _scored.cache_info().hits > before else 0.0


@lru_cache(maxsize=1)
def _scored(dataset: str, number: int, method: str, graph_name: str) -> tuple[Pool, float]:
    """Return a fold's pool with the graph and the scores that a method needs, and CPU seconds."""
    began = time.process_time()
    fold, chosen = fold_of(dataset, number), selector(method)
    graph = build(graph_name, fold.ids, fold.train, fold.train_labels)
    inputs = ScoreInputs(
        labels=fold.train_labels, graph=graph, embeddings=fold.train, ids=fold.ids,
        options={**chosen.options, "graph": graph_name},
    )  # fmt: skip
    names = [need.partition(":")[2] for need in sorted(chosen.needs) if need.startswith("scores:")]
    scores = {name: score(name).compute(inputs) for name in names}
    pool = Pool(fold.ids, fold.train, fold.train_labels, graph, scores, fold.classes)
    return pool, time.process_time() - began


def digest(ids: NDArray[np.str_]) -> str:
    """Eight hexadecimal digits of a set of ids: enough to see whether a rerun kept the same."""
    return sha256("\n".join(sorted(ids.tolist())).encode()).hexdigest()[:8]
