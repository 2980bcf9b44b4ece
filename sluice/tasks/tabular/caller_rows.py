"""Tables as a caller has them: arrays, data frames, Arrow tables, lists of dicts."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Self, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow.interchange import from_dataframe

from sluice.core.arrays import number_array
from sluice.core.errors import DataError
from sluice.data.config import DatasetConfig
from sluice.data.readers.columns import require_columns
from sluice.data.values.one_column import one_column
from sluice.data.values.targets import label_texts, refuse_quantities
from sluice.encoders.tabular import TabularEncoder
from sluice.graphs.instance_graphs.instance_graph import InstanceGraph
from sluice.tasks.caller_rows import (
    Rows,
    class_codes,
    content_names,
    dense,
    given_labels,
    given_names,
)
from sluice.tasks.tabular.config import TabularConfig
from sluice.tasks.tabular.payload import column_key, infinite_column, is_empty_row, row_texts


@dataclass(frozen=True)
class TableRows(Rows):
    """Rows of a table with classes, or none.

    Attributes
    ----------
    types : mapping of str to str
        Column to type, where it is known.
    """

    types: Mapping[str, str] = field(default_factory=dict)

    reads: ClassVar[frozenset[str]] = frozenset()
    strict_floor: ClassVar[bool] = True

    @classmethod
    def take(
        cls,
        X: Any,
        y: Iterable[Hashable] | None,
        ids: Sequence[Hashable] | None,
        config: DatasetConfig,
        **given: Any,
    ) -> Self:
        """Take a table, see `sluice.select`."""
        texts, types = table_rows(X)
        n = len(texts)
        written = None if y is None else table_labels(y, n)
        labels, classes = class_codes(written, n)
        names = given_names(ids, n)
        if names is None:
            names = content_names(texts, written)
        places = np.arange(n, dtype=np.int64)
        return cls(
            *(config, names, places, texts, labels, classes, ids is not None),
            types={**types, **TabularConfig.of(config).columns.types},
            **given,
        )

    @classmethod
    def given_as(cls, texts: list[str]) -> list[str] | dict[str, list[Any]]:
        """Return the cells of rows by column."""
        rows = [json.loads(text) for text in texts]
        return {name: [row.get(name) for row in rows] for name in rows[0]}

    @cached_property
    def vectors(self) -> NDArray[np.float32]:
        """What an encoder makes of the rows that is fitted on them, shape (n, d)."""
        fitted = TabularEncoder.fit(self.texts, TabularConfig.of(self.config).encoding, self.types)
        return fitted.encode(self.texts)

    def graph(self, options: Mapping[str, Any]) -> InstanceGraph:
        """Return the graph of instances that the option ``graph`` names."""
        from sluice.graphs.instance_graphs.methods import build

        name = str(options.get("graph", "minibatch"))
        if name not in self.memo:
            self.memo[name] = build(name, self.names, self.vectors, self.labels, seed=0)
        return self.memo[name]


def table_rows(X: object) -> tuple[list[str], dict[str, str]]:
    """Write the rows of a table as texts, see `sluice.tasks.tabular.payload.row_texts`.

    Parameters
    ----------
    X : ndarray, DataFrame, Table, list of dict or list of list
        An array of numbers has numeric columns; anything else shows its types by its values, but
        that a categorical column of pandas stays one.

    Returns
    -------
    texts : list of str
        One a row.
    types : dict of str to str
        Column to type, where it is known.

    Raises
    ------
    DataError
        Where it is no table, a value is nested or infinite, or a row has no value.
    """
    columns = _columns(dense(X))
    if not columns or not all(map(len, columns.values())):
        raise DataError("X has no row or no column; give one row for each thing to select.")
    types: dict[str, str] = {}
    if isinstance(X, np.ndarray) and X.dtype.kind in "fiub":
        types = dict.fromkeys(columns, "numeric")
    elif hasattr(X, "iloc"):
        coded = [name for name, column in columns.items() if pa.types.is_dictionary(column.type)]
        types = dict.fromkeys(coded, "categorical")
    for name in columns:
        column_key(name, "X")
    table = pa.table(dict(columns))
    texts: list[str] = row_texts(table, list(columns), "X").to_pylist()
    for row, text in enumerate(texts):
        if is_empty_row(text):
            raise DataError(f"Row {row} of X has no value in any column; leave it out.")
        infinite = infinite_column(text, types)
        if infinite is not None:
            raise DataError(
                f"Row {row} of X is infinite in column {infinite!r}; leave the row out, or make "
                "the value missing (NaN)."
            )
    return texts, types


def table_labels(y: Iterable[Any], n: int) -> list[str]:
    """Write labels as texts and refuse quantities, see `sluice.data.values.targets`.

    Raises
    ------
    DataError
        Where they are not n or no single values, one is missing, or they are quantities.
    """
    labels = label_texts(one_column(y, "y"), "y").to_pylist()
    written = given_labels(labels, n)
    refuse_quantities(written, "y")
    return written


def _columns(X: object) -> Mapping[str, pa.ChunkedArray]:
    if isinstance(X, np.ndarray):
        return _of_array(X)
    if isinstance(X, pa.Table):
        return _of_arrow(X)
    if hasattr(X, "columns") and hasattr(X, "iloc"):
        return _of_frame(X)
    if callable(getattr(X, "get_columns", None)):  # of polars, which streams not all it holds
        return {each.name: _column(each, each.name) for each in cast("Any", X).get_columns()}
    # A single column streams, too.
    if hasattr(X, "__arrow_c_stream__") and not (hasattr(X, "dtype") or hasattr(X, "type")):
        return _of_arrow(pa.table(X))
    if hasattr(X, "__array__") and getattr(X, "ndim", 0) == 2:
        return _of_array(number_array("The values of X", X))
    if hasattr(X, "__dataframe__"):
        return _of_arrow(from_dataframe(X))
    rows = cast("Sequence[object]", X) if isinstance(X, list | tuple) else ()
    if rows and all(isinstance(row, Mapping) for row in rows):
        return _of_dicts(cast("Sequence[Mapping[Any, Any]]", rows))
    if rows and all(isinstance(row, list | tuple | np.ndarray) for row in rows):
        lengths = {len(cast("Sequence[Any]", row)) for row in rows}
        if len(lengths) == 1:
            return _of_array(np.array(rows, dtype=object))
    raise DataError(
        f"X is a {type(X).__name__} and no table; give an array of shape (n, d), a data frame, an "
        "Arrow table, or a list of dicts with one dict a row."
    )


def _of_array(X: NDArray[Any]) -> dict[str, pa.ChunkedArray]:
    if X.ndim != 2 or not X.shape[1]:
        raise DataError(f"X has shape {X.shape}; give one row of values each, shape (n, d).")
    if X.dtype.kind == "c":
        raise DataError("X holds complex numbers; give their parts as columns.")
    names = column_names(X.shape[1])
    # Truths are numbers here: 0 and 1.
    values = X.astype(np.float64) if X.dtype.kind == "b" else X
    return {name: _column(values[:, at], name) for at, name in enumerate(names)}


def column_names(count: int) -> list[str]:
    """Name the columns of an array: x00, x01 and so on."""
    digits = len(str(count - 1))
    return [f"x{place:0{digits}d}" for place in range(count)]


def _of_arrow(X: pa.Table) -> dict[str, pa.ChunkedArray]:
    require_columns(X.column_names, X.column_names, "X")
    return dict(zip(X.column_names, X.columns, strict=True))


def _of_frame(X: Any) -> dict[str, pa.ChunkedArray]:
    names = [str(name) for name in X.columns]
    require_columns(names, names, "X")
    return {name: _column(X.iloc[:, at], name) for at, name in enumerate(names)}


def _of_dicts(rows: Sequence[Mapping[Any, Any]]) -> dict[str, pa.ChunkedArray]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    require_columns([str(name) for name in names], [str(name) for name in names], "X")
    return {str(name): _column([row.get(name) for row in rows], str(name)) for name in names}


def _column(values: object, name: str) -> pa.ChunkedArray:
    return one_column(values, f"The column {name!r} of X")
