"""Rows as a caller gave them, with names of their own: what every input is computed from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sluice.core.arrays import number_array
from sluice.core.digests import content_hash
from sluice.core.errors import ConfigError, DataError
from sluice.core.progress import track
from sluice.data.config import DatasetConfig
from sluice.data.ingest.splits import hashed_split
from sluice.data.readers.jsonl_file import table_of_objects
from sluice.data.values.normalise import normalise
from sluice.data.values.one_column import ids_of, one_column
from sluice.data.values.stringify import column_text
from sluice.graphs.instance_graphs.instance_graph import InstanceGraph
from sluice.graphs.knn import KnnGraph

UNIT_NORM = 1e-5
"""Rows whose norms are all this close to 1 are taken as they are."""

DENSE_CELLS = 20_000_000
"""Most cells of a sparse matrix that is made dense: 160 MB of float64 (ours)."""


class Encoder(Protocol):
    """Whatever turns texts into vectors."""

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        """Return one vector for each text, shape (n, d)."""
        ...


@dataclass(frozen=True)
class Rows(ABC):
    """Rows of one task in ascending order of name.

    Attributes
    ----------
    config : DatasetConfig
    names : ndarray of str, shape (n,)
        The caller's ids, or hashes of the contents with ordinals: what keys all randomness, so
        that the same contents give the same picks in any row order.
    positions : ndarray of int64, shape (n,)
        Where each row is among those given.
    texts : list of str, length n
        What each row holds, as `sluice.data.ingest.instances.Prepared` has it.
    labels : ndarray of int64, shape (n,), or None
    classes : tuple of str
        Their names.
    named : bool
        Whether the names are the caller's.
    encoder : Encoder or None
        The caller's own.
    language_model : str, Path or None
        Folder or name of the caller's own.
    target : Rows or None
        Validation rows that the picks are to serve, for methods that read them.
    memo : dict
        What was computed of these rows and is asked for more than once.
    """

    config: DatasetConfig
    names: NDArray[np.str_]
    positions: NDArray[np.int64]
    texts: list[str]
    labels: NDArray[np.int64] | None
    classes: tuple[str, ...]
    named: bool
    encoder: Encoder | None = None
    language_model: str | Path | None = None
    target: Rows | None = None
    memo: dict[str, Any] = field(default_factory=dict)

    reads: ClassVar[frozenset[str]] = frozenset({"encoder"})
    """Keywords of `sluice.select` that only some tasks read."""
    strict_floor: ClassVar[bool] = False
    """Whether a budget below one row a class is refused: of a table it is said, not evaded."""

    @classmethod
    @abstractmethod
    def take(
        cls,
        X: Any,
        y: Iterable[Hashable] | None,
        ids: Sequence[Hashable] | None,
        config: DatasetConfig,
        **given: Any,
    ) -> Self:
        """Take what a caller gave as X, y and ids.

        Raises
        ------
        ConfigError, DataError
            It cannot be used.
        """
        ...

    @classmethod
    def given_as(cls, texts: list[str]) -> list[str] | dict[str, list[Any]]:
        """Return rows as a caller may give them without labels: texts, or values by column."""
        return list(texts)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.names)

    def read(self, text: str) -> str:
        """Return what the encoder reads of a row."""
        return text

    def place(self, text: str) -> str:
        """Return what places a row in a split by its hash, as it does in a dataset."""
        return normalise(self.read(text))

    @cached_property
    def vectors(self) -> NDArray[np.float32]:
        """What the encoder makes of the rows, shape (n, d)."""
        return self.embed([self.read(text) for text in self.texts])

    @property
    def words(self) -> list[str] | None:
        """The rows as texts whose words count, None where they are none."""
        return None

    def embed(self, texts: list[str]) -> NDArray[np.float32]:
        """Return unit vectors of texts, by the caller's encoder or that of the settings."""
        encoder: Any = self.encoder
        if encoder is not None:
            return _checked(encoder.encode(texts), len(texts))
        from sluice.encoders.text import TextEncoder

        chosen = self.config.encoder
        encoder = TextEncoder(chosen.model, chosen.max_length, chosen.batch_size)
        with track("embedding", len(texts)) as advance:
            return encoder.encode(texts, advance)

    def graph(self, options: Mapping[str, Any]) -> KnnGraph | InstanceGraph:
        """Return the graph of the rows: the exact cosine kNN graph."""
        if "graph" not in self.memo:
            k, slack = self.config.graph.k, self.config.graph.slack
            self.memo["graph"] = KnnGraph.build(self.names, self.vectors, k, slack)
        return self.memo["graph"]

    def at(self, positions: NDArray[np.int64], **changes: Any) -> Self:
        """Return some of the rows, in the order of the positions."""
        texts = [self.texts[i] for i in positions.tolist()] if self.texts else []
        return replace(
            self,
            names=self.names[positions],
            positions=self.positions[positions],
            texts=texts,
            labels=None if self.labels is None else self.labels[positions],
            memo={},
            **changes,
        )

    def serving(self, validation: Self | None) -> Self:
        """Return the rows that may be picked, with the validation rows that they are to serve.

        Parameters
        ----------
        validation : Rows or None
            None: those of these rows that a dataset's split by hash would put into validation,
            which then may not be picked.

        Raises
        ------
        DataError
            There is no validation row, or no other one.
        """
        if validation is not None:
            return replace(self, target=validation)
        splits = [hashed_split(self.place(text), None, self.config) for text in self.texts]
        held = np.array([split == "validation" for split in splits])
        if held.all() or not held.any():
            raise DataError(
                f"{int(held.sum())} of the {len(self)} rows are put aside by their hashes to "
                "validate on; the method needs such rows, and others to pick from. Give rows as "
                "validation=."
            )
        return self.at(np.flatnonzero(~held), target=self.at(np.flatnonzero(held)))

    def shown_names(self, what: str) -> list[str]:
        """Return names that mean something to the caller: ids, or positions in `what`."""
        if self.named:
            return self.names.tolist()
        return [f"row {place} of {what}" for place in self.positions.tolist()]


def content_names(texts: Sequence[str], labels: Sequence[str] | None) -> NDArray[np.str_]:
    """Name rows as a dataset names those without ids, so that both pick the same."""
    return ordinals(list(map(content_hash, texts, labels or [""] * len(texts))), "")


def given_names(ids: Sequence[Hashable] | None, n: int) -> NDArray[np.str_] | None:
    """Return the caller's ids as names, None where there are none."""
    return None if ids is None else ids_of(ids, n)


def ordinals(hashes: list[str], form: str) -> NDArray[np.str_]:
    """Return 16 digits of each hash and its ordinal among equal ones."""
    seen: Counter[str] = Counter()
    made: list[str] = []
    for digest in (each[:16] for each in hashes):
        made.append(f"{digest}-{seen[digest]:{form}}")
        seen[digest] += 1
    return np.array(made, dtype=np.str_)


def class_codes(
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


def given_labels(labels: Sequence[str | None], n: int) -> list[str]:
    """Check that there are n labels, none of them missing or blank.

    Returns
    -------
    list of str
        Without white space around them, as those of files.

    Raises
    ------
    DataError
        If not.
    """
    if len(labels) != n:
        raise DataError(f"y has {len(labels)} labels for {n} rows; give one for each.")
    stripped = [(label or "").strip() for label in labels]
    missing = [row for row, label in enumerate(stripped) if not label]
    if missing:
        raise DataError(
            f"y has missing labels, the first in row {missing[0]}; leave those rows out."
        )
    return stripped


def dense(X: Any) -> Any:
    """Return a sparse matrix of scipy as an array, anything else as it is.

    Raises
    ------
    DataError
        It has more than `DENSE_CELLS` cells.
    """
    if not (hasattr(X, "tocsr") and hasattr(X, "toarray")):
        return X
    rows, columns = X.shape
    if rows * columns > DENSE_CELLS:
        raise DataError(
            f"X is sparse, {rows:,} rows of {columns:,} columns, and the methods read dense rows "
            f"(at most {DENSE_CELLS:,} cells are made dense). Reduce its columns first, for "
            "example by sklearn.decomposition.TruncatedSVD."
        )
    return X.toarray()


def arrow_table(X: Any) -> pa.Table:
    """Take rows whose cells may be lists and objects: a data frame, an Arrow table, or dicts.

    Raises
    ------
    DataError
        It is none of these, or holds no row.
    """
    try:
        if hasattr(X, "columns") and hasattr(X, "iloc"):
            table = pa.Table.from_pandas(X, preserve_index=False)
        elif isinstance(X, pa.Table):
            table = X
        elif hasattr(X, "__arrow_c_stream__"):
            table = pa.table(X)
        elif isinstance(X, list) and all(isinstance(row, Mapping) for row in X):
            table = table_of_objects(X)
        else:
            raise DataError(
                f"X is a {type(X).__name__} and no table; give a data frame, an Arrow table, or a "
                "list with one dict a row."
            )
    except (pa.ArrowException, TypeError) as error:
        raise DataError(f"X cannot be read as a table: {error}. Give dicts, one a row.") from None
    if not table.num_rows or not table.num_columns:
        raise DataError("X has no row or no column; give one row for each thing to select.")
    return table


def unit_vectors(X: Any) -> NDArray[np.float32]:
    """Return vectors of unit length, shape (n, d); those that have it already as they are.

    Raises
    ------
    DataError
        They are no matrix of numbers, or one has no direction.
    """
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
        return given.astype(np.float32)  # dividing again would only move the last bits
    return (given / norms[:, None]).astype(np.float32)


def _checked(vectors: Any, n: int) -> NDArray[np.float32]:
    found = np.asarray(vectors)
    if found.ndim != 2 or len(found) != n:
        raise ConfigError(
            f"The encoder returned shape {found.shape} for {n} texts; it must return one vector a "
            "text."
        )
    return unit_vectors(found)
