"""The methods as a library: ``sluice.select(X, y, method="k_center", budget=0.1)``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, Protocol, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sluice.api_pool import make_pool, reads_labels, reads_vectors
from sluice.api_tables import given_labels, table_labels, table_rows
from sluice.core.budgets import budget_of, check_floor
from sluice.core.digests import content_hash
from sluice.core.errors import ConfigError, DataError, UnknownNameError
from sluice.data.config.sections import Encoding
from sluice.data.values.number_array import number_array
from sluice.data.values.one_column import ids_of, one_column, texts_of
from sluice.data.values.stringify import column_text
from sluice.encoders.tabular import TabularEncoder
from sluice.subsets.contract import Selection, Selector
from sluice.subsets.registry import selector, selectors_for
from sluice.subsets.runner import run

UNIT_NORM = 1e-5
"""Rows whose norms are all this close to 1 are taken as they are."""


class Encoder(Protocol):
    """Whatever turns texts into vectors."""

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        """Return one vector for each text, shape (n, d)."""
        ...


def select(
    X: Any,
    y: Iterable[Hashable] | None = None,
    *,
    task: str = "text",
    method: str = "k_center",
    budget: int | float | str | None = 0.1,
    seed: int = 0,
    ids: Sequence[str] | None = None,
    encoder: Encoder | None = None,
    **options: Any,
) -> Selection:
    """Pick the rows worth keeping.

    Parameters
    ----------
    X : list of str, ndarray, DataFrame, Table or list of dict
        For the task text: texts (a list, or a column of pandas, polars or Arrow), which `encoder`
        embeds, or vectors of shape (n, d), which are divided by their norm. For the task tabular:
        an array of numbers of shape (n, d), a data frame, an Arrow table, or a dict a row, with
        missing values (None, NaN); the columns are encoded by
        `sluice.encoders.tabular.TabularEncoder`, fitted on these rows.
    y : sequence of n labels, optional
        One value a row, of any kind (see `sluice.data.values.one_column.one_column`); classes are
        numbered in sorted order. Needed by the methods that
        read labels, see `methods`.
    task : str
        ``"text"`` or ``"tabular"``. Only methods of this task are accepted.
    method : str
        See `methods`.
    budget : int, float, str or None
        A count (100), a share (0.04) or a percentage ("4%"). None: what the method keeps by
        itself, where it has a size of its own (such as ``enn`` or ``drop3``).
    seed : int
        For the stochastic methods.
    ids : sequence of n str, optional
        Unique. By default a hash of each row's content plus an ordinal among equal rows.
    encoder : Encoder, optional
        For texts. By default `sluice.encoders.text.TextEncoder`.
    **options
        Of the method.

    Returns
    -------
    Selection
        Ids in rank order, with gain and reason. For the task tabular without `ids`, their
        positions in `X` (int64) instead.

    Raises
    ------
    ConfigError
        The method, the task, an option or the budget is wrong.
    BudgetError
        For the task tabular also: the budget is below one row a class, and the method keeps one.
    DataError
        The rows, labels or ids cannot be used, or the method needs what is not given.

    Examples
    --------
    >>> import numpy as np, sluice
    >>> X = np.array([[1, 0], [0.9, 0.1], [0, 1]])
    >>> sluice.select(X, method="k_center", budget=2, ids=["a", "b", "c"]).ids.tolist()
    ['b', 'c']
    >>> sluice.select(X, [1, 1, 2], task="tabular", method="k_medoids", budget=2).ids.tolist()
    [0, 2]
    """
    chosen = selector(method)
    if chosen not in selectors_for(task):
        tasks = " or ".join(f"task={each!r}" for each in sorted(chosen.tasks))
        known = ", ".join(each.name for each in selectors_for(task))
        raise UnknownNameError(
            f"{method} is no method of the task {task!r}: give {tasks}, or one of {known}."
        )
    for name in options:
        if name not in chosen.options:
            raise UnknownNameError.of(f"option of {method}", name, list(chosen.options))
    if y is None and reads_labels(chosen):
        raise DataError(f"{method} needs labels: give y.")
    if task == "tabular":
        if encoder is not None:
            raise ConfigError("encoder is for the task text; the columns of a table need none.")
        return _select_rows(chosen, X, y, budget, seed, ids, options)
    return _select_texts(chosen, X, y, budget, seed, ids, encoder, options)


def _select_texts(
    chosen: Selector,
    X: Any,
    y: Iterable[Hashable] | None,
    budget: int | float | str | None,
    seed: int,
    ids: Sequence[str] | None,
    encoder: Encoder | None,
    options: dict[str, Any],
) -> Selection:
    texts, vectors = _rows(X)
    n = len(vectors) if texts is None else len(texts)
    budget_of(chosen.name, chosen.sized, budget, n)  # before anything that takes long
    names = _ids(ids, n, texts if texts is not None else [row.tobytes() for row in vectors])
    labels, classes = _codes(y, n)
    # an encoder's last bits depend on its batches: give it the same ones in any row order
    order = np.argsort(names, kind="stable")
    names, labels = names[order], None if labels is None else labels[order]
    if texts is None:
        vectors = vectors[order]
    elif reads_vectors(chosen):
        vectors = _encoded([texts[row] for row in order], encoder)
    every = {**chosen.options, **options}
    pool = make_pool(chosen, "text", names, vectors, labels, classes, every)
    return run(chosen, pool, budget, seed, **options)


def _select_rows(
    chosen: Selector,
    X: object,
    y: Iterable[Hashable] | None,
    budget: int | float | str | None,
    seed: int,
    ids: Sequence[str] | None,
    options: dict[str, Any],
) -> Selection:
    texts, types = table_rows(X)
    n = len(texts)
    count = budget_of(chosen.name, chosen.sized, budget, n)  # before anything that takes long
    written = None if y is None else table_labels(y, n)
    labels, classes = _codes(written, n)
    if chosen.class_floor:
        check_floor(chosen.name, count, len(classes))
    # As the rows of a dataset are named, so that the command line and the lineage pick the same.
    hashes = list(map(content_hash, texts, written or [""] * n))
    names = _ids(ids, n, texts) if ids is not None else _ordinals(hashes, "")
    order = np.argsort(names, kind="stable")
    sorted_names, labels = names[order], None if labels is None else labels[order]
    vectors = np.empty((0, 0), dtype=np.float32)
    if reads_vectors(chosen):
        fitted = TabularEncoder.fit(texts, Encoding(), types)
        vectors = fitted.encode([texts[row] for row in order])
    every = {**chosen.options, **options}
    pool = make_pool(chosen, "tabular", sorted_names, vectors, labels, classes, every)
    picked = run(chosen, pool, budget, seed, strict_floor=True, **options)
    if ids is not None:
        return picked
    # Names of our own making mean nothing to the caller: say where the rows are.
    positions = order[np.searchsorted(sorted_names, picked.ids)].astype(np.int64)
    return replace(picked, ids=cast("NDArray[np.str_]", positions))


def _rows(X: Any) -> tuple[list[str] | None, NDArray[np.float32]]:
    """Return texts, or unit vectors."""
    none = np.empty((0, 0), dtype=np.float32)
    # An array of another library, such as a tensor, or of objects: vectors, not texts.
    wide = getattr(X, "ndim", 0) == 2 and not hasattr(X, "columns") and X.shape[1] != 1
    if not (wide or (isinstance(X, np.ndarray) and X.dtype.kind in "fiu")):
        return texts_of(X, "X"), none
    given = number_array("The values of X", X)
    if given.ndim != 2 or not given.shape[1]:
        raise DataError(f"X has shape {X.shape}; give one vector a row, shape (n, d).")
    norms = np.linalg.norm(given.astype(np.float64), axis=1)
    bad = np.flatnonzero(~np.isfinite(norms) | (norms == 0))
    if len(bad):
        raise DataError(
            f"Row {bad[0]} of X has norm {norms[bad[0]]}, so it has no direction; leave it out."
        )
    if np.abs(norms - 1.0).max(initial=0.0) <= UNIT_NORM:
        return None, given.astype(np.float32)  # dividing again would only move the last bits
    return None, (given / norms[:, None]).astype(np.float32)


def _ids(
    ids: Sequence[str] | None, n: int, contents: Sequence[str] | Sequence[bytes]
) -> NDArray[np.str_]:
    """Return the ids given, or a hash of each content and its ordinal among equal ones."""
    if ids is not None:
        return ids_of(ids, n)
    raw = [c.encode() if isinstance(c, str) else c for c in contents]
    return _ordinals([sha256(content).hexdigest() for content in raw], "06d")


def _ordinals(hashes: list[str], form: str) -> NDArray[np.str_]:
    """Return 16 digits of each hash and its ordinal among equal ones."""
    seen: Counter[str] = Counter()
    made: list[str] = []
    for digest in (each[:16] for each in hashes):
        made.append(f"{digest}-{seen[digest]:{form}}")
        seen[digest] += 1
    return np.array(made, dtype=np.str_)


def _codes(
    y: Iterable[Hashable] | None, n: int
) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    """Return class codes in sorted order of the labels, and the classes' names."""
    if y is None:
        return None, ()
    column = one_column(y, "y")
    labels: list[Any] = given_labels(column_text(column, "y").to_pylist(), n)
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        labels = column.to_pylist()  # numbers sort as numbers
    classes = sorted(set(labels))
    code = {label: number for number, label in enumerate(classes)}
    return np.array([code[label] for label in labels], dtype=np.int64), tuple(map(str, classes))


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
