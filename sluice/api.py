"""The methods as a library: ``sluice.select(X, y, method="k_center", budget=0.1)``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from hashlib import sha256
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from sluice.errors import ConfigError, DataError, UnknownNameError
from sluice.graphs.knn import KnnGraph
from sluice.scores.registry import ScoreInputs, score
from sluice.subsets.budgets import parse_budget
from sluice.subsets.contract import Pool, Selection
from sluice.subsets.registry import SELECTORS, selector, selectors_for
from sluice.subsets.shell import run

UNIT_NORM = 1e-5
"""Rows whose norms are all this close to 1 are taken as they are."""


class Encoder(Protocol):
    """Whatever turns texts into vectors."""

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        """Return one vector for each text, shape (n, d)."""
        ...


def select(
    X: Sequence[str] | NDArray[Any],
    y: Iterable[Hashable] | None = None,
    *,
    task: str = "text",
    method: str = "k_center",
    budget: int | float | str = 0.1,
    seed: int = 0,
    ids: Sequence[str] | None = None,
    encoder: Encoder | None = None,
    **options: Any,
) -> Selection:
    """Pick the rows worth keeping.

    Parameters
    ----------
    X : list of str, or ndarray of float, shape (n, d)
        Texts, which `encoder` embeds, or vectors, which are divided by their norm.
    y : sequence of n hashables, optional
        Labels of any kind; classes are numbered in sorted order. Needed by the methods that
        read labels, see `methods`.
    task : str
        Only methods of this task are accepted.
    method : str
        See `methods`.
    budget : int, float or str
        A count (100), a share (0.04) or a percentage ("4%").
    seed : int
        For the stochastic methods.
    ids : sequence of n str, optional
        Unique. By default a hash of each row's content plus an ordinal among equal rows.
    encoder : Encoder, optional
        By default `sluice.encoders.text.TextEncoder`.
    **options
        Of the method.

    Returns
    -------
    Selection
        Ids in rank order, with gain and reason.

    Raises
    ------
    ConfigError
        The method, the task, an option or the budget is wrong.
    DataError
        The rows, labels or ids cannot be used, or the method needs what is not given.

    Examples
    --------
    >>> import numpy as np, sluice
    >>> X = np.array([[1, 0], [0.9, 0.1], [0, 1]])
    >>> sluice.select(X, method="k_center", budget=2, ids=["a", "b", "c"]).ids.tolist()
    ['b', 'c']
    """
    chosen = selector(method)
    if chosen not in selectors_for(task):
        raise UnknownNameError.of(
            f"method of task {task!r}:", method, [m.name for m in selectors_for(task)]
        )
    texts, vectors = _rows(X)
    n = len(vectors) if texts is None else len(texts)
    parse_budget(budget, n)  # before anything that takes long
    names = _ids(ids, n, texts if texts is not None else [row.tobytes() for row in vectors])
    labels, classes = _codes(y, n)
    if labels is None and _reads_labels(chosen.needs):
        raise DataError(f"{method} needs labels: give y.")
    # an encoder's last bits depend on its batches: give it the same ones in any row order
    order = np.argsort(names, kind="stable")
    names, labels = names[order], None if labels is None else labels[order]
    if texts is None:
        vectors = vectors[order]
    elif _reads_vectors(chosen.needs):
        vectors = _encoded([texts[row] for row in order], encoder)
    pool = _pool(chosen.needs, names, vectors, labels, classes)
    return run(chosen, pool, budget, seed, **options)


def methods(task: str | None = None) -> list[dict[str, object]]:
    """Describe every selector, or those of one task.

    Returns
    -------
    list of dict
        With the keys name, tasks, needs, stochastic, nested, class_floor, cost, paper, formula,
        summary and options.

    Raises
    ------
    UnknownNameError
        No selector belongs to such a task.
    """
    chosen = list(SELECTORS.values()) if task is None else selectors_for(task)
    return [
        {
            "name": method.name,
            "tasks": sorted(method.tasks),
            "needs": sorted(method.needs),
            "stochastic": method.stochastic,
            "nested": method.nested,
            "class_floor": method.class_floor,
            "cost": method.cost,
            "paper": method.paper,
            "formula": method.formula,
            "summary": method.summary,
            "options": dict(method.options),
        }
        for method in chosen
    ]


def _rows(X: Sequence[str] | NDArray[Any]) -> tuple[list[str] | None, NDArray[np.float32]]:
    """Return texts, or unit vectors."""
    none = np.empty((0, 0), dtype=np.float32)
    if isinstance(X, str):
        raise DataError("X is one text; give a list of texts.")
    if not (isinstance(X, np.ndarray) and X.dtype.kind in "fiu"):
        texts = list(cast("Sequence[object]", X))
        wrong = [row for row, text in enumerate(texts) if not isinstance(text, str)]
        if wrong:
            kind = type(texts[wrong[0]]).__name__
            raise DataError(
                f"Row {wrong[0]} of X is of type {kind}; give texts, or a numpy array of numbers."
            )
        return [str(text) for text in texts], none
    if X.ndim != 2 or not X.shape[1]:
        raise DataError(f"X has shape {X.shape}; give one vector a row, shape (n, d).")
    norms = np.linalg.norm(X.astype(np.float64), axis=1)
    bad = np.flatnonzero(~np.isfinite(norms) | (norms == 0))
    if len(bad):
        raise DataError(
            f"Row {bad[0]} of X has norm {norms[bad[0]]}, so it has no direction; leave it out."
        )
    if np.abs(norms - 1.0).max(initial=0.0) <= UNIT_NORM:
        return None, X.astype(np.float32)  # dividing again would only move the last bits
    return None, (X / norms[:, None]).astype(np.float32)


def _ids(
    ids: Sequence[str] | None, n: int, contents: Sequence[str] | Sequence[bytes]
) -> NDArray[np.str_]:
    """Return the ids given, or a hash of each content and its ordinal among equal ones."""
    if ids is not None:
        names = np.asarray(ids, dtype=np.str_)
        if names.shape != (n,):
            raise DataError(f"ids have shape {names.shape}; give one for each of {n} rows.")
        return names
    seen: Counter[str] = Counter()
    made: list[str] = []
    for content in contents:
        raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
        digest = sha256(raw).hexdigest()[:16]
        made.append(f"{digest}-{seen[digest]:06d}")
        seen[digest] += 1
    return np.array(made, dtype=np.str_)


def _codes(
    y: Iterable[Hashable] | None, n: int
) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    """Return class codes in sorted order of the labels, and the classes' names."""
    if y is None:
        return None, ()
    labels = list(cast("list[Hashable]", y.tolist()) if isinstance(y, np.ndarray) else y)
    if len(labels) != n:
        raise DataError(f"y has {len(labels)} labels for {n} rows; give one for each.")
    if any(label is None or label != label for label in labels):
        raise DataError("y has missing labels; leave those rows out.")
    distinct = set(labels)
    try:
        classes = sorted(cast("set[str]", distinct))
    except TypeError:  # kinds that do not compare, such as 1 and "one"
        classes = sorted(distinct, key=lambda label: (type(label).__name__, repr(label)))
    code = {label: number for number, label in enumerate(classes)}
    return np.array([code[label] for label in labels], dtype=np.int64), tuple(map(str, classes))


def _reads_labels(needs: frozenset[str]) -> bool:
    return "labels" in needs or any({"probabilities", "labels"} & kinds for kinds in _inputs(needs))


def _reads_vectors(needs: frozenset[str]) -> bool:
    return needs != frozenset({"labels"})


def _inputs(needs: frozenset[str]) -> list[frozenset[str]]:
    """What each score among the needs is computed from."""
    return [score(need.partition(":")[2]).needs for need in sorted(needs) if ":" in need]


def _encoded(texts: list[str], encoder: Encoder | None) -> NDArray[np.float32]:
    if encoder is None:
        from sluice.encoders.text import TextEncoder

        encoder = TextEncoder()
    vectors = np.asarray(encoder.encode(texts))
    if vectors.ndim != 2 or len(vectors) != len(texts):
        raise ConfigError(
            f"The encoder returned shape {vectors.shape} for {len(texts)} texts; it must return "
            "one vector a text."
        )
    return _rows(vectors)[1]


def _pool(
    needs: frozenset[str],
    names: NDArray[np.str_],
    vectors: NDArray[np.float32],
    labels: NDArray[np.int64] | None,
    classes: tuple[str, ...],
) -> Pool:
    """Compute what the method needs, and nothing else."""
    inputs = _inputs(needs)
    graph = probabilities = None
    if "graph" in needs or any("graph" in kinds for kinds in inputs):
        graph = KnnGraph.build(names, vectors)
    if any("probabilities" in kinds for kinds in inputs):
        from sluice.heads.out_of_fold import out_of_fold_probabilities

        assert labels is not None
        probabilities = out_of_fold_probabilities(vectors, labels, ids=names, folds=5, seed=0)
    given = ScoreInputs(probabilities, labels, graph)
    scores = {
        name: score(name).compute(given)
        for name in (need.partition(":")[2] for need in sorted(needs) if ":" in need)
    }
    return Pool(names, vectors if vectors.size else None, labels, graph, scores, classes)
