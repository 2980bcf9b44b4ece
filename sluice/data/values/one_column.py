"""What a caller gives as one value a row, taken as an Arrow column: the one check for all doors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sluice.core.arrays import check_unique, is_missing
from sluice.core.errors import DataError
from sluice.data.values.stringify import PLAIN, column_text, plain_column, value_text

_TEXTS = (str, bytes)
# These have one meaning each in Arrow; anything else is read value by value.
_ALIKE: list[set[type]] = [{int, float}, {str}, {bool}]


def one_column(values: object, name: str, *, texts: bool = False) -> pa.ChunkedArray:
    """Take one value a row, whatever holds it.

    Parameters
    ----------
    values : list, ndarray, Series, Array or any iterable in order
        Of n values; an array may also have the shape (n, 1). Values of several types are written
        each by itself, by the rule of `sluice.data.values.spelling`. What is masked, None, NaN,
        NaT or NA is null.
    name : str
        What they are called, for messages.
    texts : bool
        Whether they must be texts (or bytes).

    Returns
    -------
    ChunkedArray of n
        Of any type but a nested one. Cost: vectorised where the values share a type that Arrow
        knows, about 2 microseconds a value otherwise.

    Raises
    ------
    DataError
        It is a table, a dict, a set, one text or no sequence; or a value is no single one, not
        UTF-8 or, under `texts`, no text.
    """
    column = _column(values, name, texts=texts)
    if isinstance(column, pa.Array):
        column = pa.chunked_array([column])
    kind = plain_column(column.slice(0, 0), name).type
    allowed = (
        pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view,
        pa.types.is_binary, pa.types.is_large_binary, pa.types.is_null,
    )  # fmt: skip
    if texts and not any(allows(kind) for allows in allowed):
        raise DataError(f"{name} holds {kind} and no texts; give texts.")
    return column


def texts_of(values: object, name: str) -> list[str]:
    """Take texts, one a row.

    Raises
    ------
    DataError
        See `one_column`; or a text is missing.
    """
    found = column_text(one_column(values, name, texts=True), name).to_pylist()
    for row, text in enumerate(found):
        if text is None:
            raise DataError(f"Row {row} of {name} is missing; leave it out, or fill it.")
    return cast("list[str]", found)


def ids_of(values: object, n: int, name: str = "ids") -> NDArray[np.str_]:
    """Take ids, one a row; whether they are unique is not looked at.

    Returns
    -------
    ndarray of str, shape (n,)
        Numbers and dates by the rule of `sluice.data.values.spelling`.

    Raises
    ------
    DataError
        See `one_column`; or they are bytes or not n, or one is missing, blank or holds NUL.
    """
    values = list(values) if isinstance(values, Iterator) else values
    column = one_column(values, name)
    if any(isinstance(value, bytes) for value in cast("Iterable[object]", values)):
        # Whoever gave them looks them up again, and a text equals no bytes.
        raise DataError(f"{name} holds bytes; decode them first, for example by .decode().")
    found = column_text(column, name).to_pylist()
    if len(found) != n:
        raise DataError(f"{name} have shape ({len(found)},); give one for each of {n} rows.")
    for row, text in enumerate(found):
        if text is None or not text.strip():
            raise DataError(f"Row {row} has no id: it is missing or blank. Give each row an id.")
        if "\0" in text:
            # Arrays of texts would lose it at the end, and two ids become one.
            raise DataError(f"The id of row {row} holds the character NUL; write it without.")
    return np.array(found, dtype=np.str_)


def unique_ids(values: object, n: int) -> NDArray[np.str_]:
    """Take ids, one a row, no two alike.

    Raises
    ------
    DataError
        See `ids_of`; or two rows share one.
    """
    ids = ids_of(values, n, "Ids")
    check_unique(ids)
    return ids


def id_array(values: Any) -> NDArray[np.str_]:
    """Take ids as an array: arrays of texts as they are, anything else as `ids_of` does."""
    if type(values) is np.ndarray and values.dtype.kind == "U":
        if values.ndim != 1:
            raise DataError(f"ids has shape {values.shape}; give one value a row, shape (n,).")
        return values
    column = one_column(values, "ids")
    return ids_of(column, len(column))


def _column(values: Any, name: str, *, texts: bool) -> pa.Array | pa.ChunkedArray:
    if isinstance(values, str | bytes | bytearray | memoryview):
        raise DataError(f"{name} is one text; give a list with one value a row.")
    columns = _column_names(values)
    if columns is not None:
        shown = ", ".join(map(repr, columns[:5])) or "none"
        pick = f"{name}[{columns[0]!r}]" if columns else "one of its columns"
        raise DataError(
            f"{name} is a {type(values).__name__} with the columns {shown}, and not one value a "
            f"row. Give the column that is meant, such as {pick}."
        )
    if isinstance(values, Set):
        raise DataError(f"{name} is a {type(values).__name__}, which has no order; give a list.")
    try:
        return _converted(values, name, texts=texts)
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        raise DataError(
            f"{name} cannot be read: {error}. Give a list with one text or number a row."
        ) from None


def _column_names(values: Any) -> list[str] | None:
    """Return the columns of a table or the keys of a dict, None where it is neither."""
    if isinstance(values, Mapping):
        return [str(key) for key in values]
    if isinstance(values, pa.Table | pa.RecordBatch):
        return list(values.column_names)
    columns = getattr(values, "columns", None)
    if columns is None or callable(columns):
        names = getattr(getattr(values, "dtype", None), "names", None)
        return None if names is None else list(names)
    return [str(column) for column in columns]


def _converted(values: Any, name: str, *, texts: bool) -> pa.Array | pa.ChunkedArray:
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    kind = getattr(values, "dtype", None)
    if isinstance(values, np.ndarray):
        return _of_array(values, name, texts=texts)
    if hasattr(kind, "fill_value"):  # of a sparse column of pandas
        return _of_array(np.asarray(values), name, texts=texts)
    # Of polars, whose pointers and wide integers no other library reads as values.
    if str(kind) in ("Object", "Int128", "UInt128"):
        return _of_list(list(cast("Iterable[object]", values)), name, texts=texts)
    if kind is not None and str(kind) != "object" and hasattr(values, "__array__"):
        try:
            # From pandas: NaN is a missing value.
            return pa.array(values, from_pandas=True)
        except (pa.ArrowException, TypeError, ValueError):
            pass
    if hasattr(values, "__arrow_c_stream__") and str(kind) != "object":
        return pa.chunked_array(values)
    if hasattr(values, "__arrow_c_array__"):
        return pa.array(values)
    if hasattr(values, "__array__") and not hasattr(values, "iloc"):
        return _of_array(np.asarray(values), name, texts=texts)
    if not isinstance(values, Iterable):
        raise DataError(
            f"{name} is of type {type(values).__name__}; give a list with one value a row."
        )
    return _of_list(list(cast("Iterable[object]", values)), name, texts=texts)


def _of_array(values: NDArray[Any], name: str, *, texts: bool) -> pa.Array:
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise DataError(f"{name} has shape {values.shape}; give one value a row, shape (n,).")
    if values.dtype.kind == "c":
        raise DataError(f"{name} holds complex numbers; give their parts as columns.")
    if values.dtype.kind in "OVSUT":
        return _of_list(values.tolist(), name, texts=texts)
    if values.dtype.kind == "f" and values.dtype.itemsize > 8:
        narrow = values.astype(np.float64)
        if not np.array_equal(narrow.astype(values.dtype), values, equal_nan=True):
            raise DataError(f"{name} holds numbers beyond float64; round them to float64 first.")
        values = narrow
    if values.dtype.kind in "mM":
        values = _in_units_of_arrow(values)
    plain = np.ascontiguousarray(values)
    mask = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else None
    return pa.array(plain, mask=mask, from_pandas=True)


def _in_units_of_arrow(values: NDArray[Any]) -> NDArray[Any]:
    unit, step = np.datetime_data(values.dtype)
    if unit in ("s", "ms", "us", "ns") and step == 1:
        return values
    if values.dtype.kind == "M" and unit in ("Y", "M", "W", "D"):
        return values.astype("datetime64[D]")
    if unit in ("ps", "fs", "as"):
        finest = values.astype(f"{values.dtype.kind}8[ns]")
        if not (finest == values).all():
            raise DataError("Times below one nanosecond cannot be kept; round them first.")
        return finest
    return values.astype(f"{values.dtype.kind}8[{'s' if unit in 'WDhm' else 'ns'}]")


def _of_list(values: list[Any], name: str, *, texts: bool) -> pa.Array | pa.ChunkedArray:
    values = [_single(value) for value in values]
    present = {type(value) for value in values if not is_missing(value)}
    if texts:
        for row, value in enumerate(values):
            if not (isinstance(value, _TEXTS) or is_missing(value)):
                raise DataError(
                    f"Row {row} of {name} is of type {type(value).__name__}; give texts, or a "
                    "numpy array of numbers."
                )
    for row, value in enumerate(values):
        if not (isinstance(value, PLAIN) or is_missing(value)):
            raise DataError(
                f"{name} holds lists or objects, such as the {type(value).__name__} in row {row}, "
                "not one text or number a row. Write such values into a column of their own first."
            )
    try:
        return _as_arrow(values, present)
    except UnicodeError:
        raise _no_text(values, name) from None


def _as_arrow(values: list[Any], present: set[type]) -> pa.Array | pa.ChunkedArray:
    if any(present <= alike for alike in _ALIKE):
        plain = [None if is_missing(value) else value for value in values]
        try:
            return pa.array(plain)
        except (pa.ArrowException, OverflowError):
            pass  # integers beyond 64 bits, or beside floats that would not hold them
    return pa.array([value_text(value) for value in values], pa.string())


def _single(value: Any) -> Any:
    """Return the value that a scalar of Arrow or an array of no dimension holds."""
    if isinstance(value, pa.Scalar):
        return _text_of(value) if value.is_valid else None
    if isinstance(value, np.ndarray) and value.ndim == 0 and value is not np.ma.masked:
        return value[()]
    return value


def _text_of(value: Any) -> Any:
    """Return a scalar of Arrow as a text, where it is no number, text or truth."""
    plain = value.as_py()
    if isinstance(plain, PLAIN) and not pa.types.is_temporal(value.type):
        return plain
    column = pa.chunked_array([pa.array([plain], value.type)])
    return column_text(column, "A value")[0].as_py()


def _no_text(values: list[Any], name: str) -> DataError:
    """Name the first value that UTF-8 cannot hold."""
    name = name.replace("The column", "the column", 1)
    for row, value in enumerate(values):
        try:
            if isinstance(value, str):
                value.encode()
            elif isinstance(value, bytes):
                value.decode()
        except UnicodeEncodeError:
            return DataError(
                f"Row {row} of {name} holds half of a surrogate pair (\\ud800 to \\udfff), which "
                "is no text; write it again as UTF-8, or leave it out."
            )
        except UnicodeDecodeError:
            return DataError(
                f"Row {row} of {name} holds bytes that are not UTF-8; decode them first."
            )
    return DataError(f"{name} holds what is no UTF-8 text; decode it first.")
