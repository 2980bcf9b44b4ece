"""Checks of arrays that callers give: shape, type and finiteness, each said once.

What is masked is NaN, never what is below. Rows are named by position, or by id where there is one.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeVar, cast, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sluice.core.errors import DataError

F = TypeVar("F", bound=np.floating)

TOLERANCE = 1e-3
"""How far probabilities may be from adding up to 1."""


def is_missing(value: object) -> bool:
    """Whether a value is None, NaN, NaT, NA or masked."""
    if value is None or value is np.ma.masked:
        return True
    # Not imported for it: only who has pandas has these.
    if type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, Decimal):
        return value.is_nan()
    return isinstance(value, float | np.floating | np.datetime64 | np.timedelta64) and bool(
        value != value
    )


def number_array(name: str, values: Any) -> NDArray[Any]:
    """Take numbers or truths of any shape as an array.

    Parameters
    ----------
    name : str
        What they are, for the message, as a plural.
    values : array-like
        Of numpy, pandas, polars or Arrow, or a list. What is masked, None, NA or null becomes NaN.

    Returns
    -------
    ndarray of int, float or bool
        Not copied where it is a plain one already.

    Raises
    ------
    DataError
        Texts, complex numbers, dates or rows of different lengths.
    """
    try:
        if isinstance(values, list | tuple) and _has_masks(cast("list[Any]", values)):
            values = np.ma.stack([np.ma.asarray(each) for each in cast("list[Any]", values)])
        if isinstance(values, np.ma.MaskedArray):
            hidden = np.ma.getmaskarray(values)
            plain = np.asarray(values.data)
            if hidden.any() and plain.dtype.kind in "biuf":
                plain = np.where(hidden, np.nan, plain.astype(np.float64))
        elif hasattr(values, "to_numpy") and hasattr(values, "null_count"):
            plain = np.asarray(cast("Any", values).to_numpy(zero_copy_only=False))
        else:
            plain = np.asarray(values)
        if plain.dtype.kind == "O":
            plain = _of_objects(plain)
    # A tensor on a GPU, or with a gradient, gives no array.
    except (RuntimeError, TypeError, ValueError) as error:
        raise DataError(f"{name} are not numbers ({error}); give an array of numbers.") from error
    if plain.dtype.kind not in "biuf":
        raise DataError(
            f"{name} are not numbers but {plain.dtype} of shape {plain.shape}; give an array of "
            "numbers."
        )
    return plain


def _has_masks(values: list[Any]) -> bool:
    return any(isinstance(each, np.ma.MaskedArray) for each in values)


def _of_objects(values: NDArray[Any]) -> NDArray[np.float64]:
    flat: list[Any] = values.ravel().tolist()
    for value in flat:
        if isinstance(value, str | bytes | complex | np.complexfloating):
            raise TypeError(f"one of them is {value!r}")
    numbers = [np.nan if is_missing(value) else float(value) for value in flat]
    return np.array(numbers, dtype=np.float64).reshape(values.shape)


def whole_array(name: str, values: Any) -> NDArray[np.int64]:
    """Take whole numbers of any shape as an array.

    Raises
    ------
    DataError
        See `number_array`; or one is missing or has a fraction.
    """
    numbers = number_array(name, values)
    if numbers.dtype.kind == "f" and not (numbers == np.floor(numbers)).all():
        raise DataError(f"{name} hold what is missing or no whole number; give whole numbers.")
    return numbers.astype(np.int64)


@overload
def checked_vectors(
    name: str,
    values: ArrayLike,
    n: int | None = None,
    *,
    dtype: type[F],
    ids: NDArray[np.str_] | None = None,
    finite: bool = True,
) -> NDArray[F]: ...
@overload
def checked_vectors(
    name: str,
    values: ArrayLike,
    n: int | None = None,
    *,
    ids: NDArray[np.str_] | None = None,
    finite: bool = True,
) -> NDArray[np.floating]: ...
def checked_vectors(
    name: str,
    values: ArrayLike,
    n: int | None = None,
    *,
    dtype: type[Any] | None = None,
    ids: NDArray[np.str_] | None = None,
    finite: bool = True,
) -> NDArray[Any]:
    """Check that there is one finite vector a row.

    Parameters
    ----------
    name : str
        What the vectors are, for the message, as a plural.
    values : array-like, shape (n, d)
    n : int, optional
        Rows there must be; any number of at least one by default.
    dtype : float32 or float64, optional
        What they become, C-contiguous. By default they stay what they are of these two, and are
        not copied; others become float64.
    ids : ndarray of str, shape (n,), optional
        Of the rows, for the message.
    finite : bool
        Whether vectors that are not finite are refused.

    Returns
    -------
    ndarray of float32 or float64, shape (n, d)

    Raises
    ------
    DataError
        No numbers, another shape, no row, no column, or a value that is not finite (in `dtype`).
    """
    given = number_array(name, values)
    rows = given.shape[0] if given.ndim == 2 and given.shape[1] else 0
    if (rows != n) if n is not None else not rows:
        raise DataError(
            f"{name} have shape {given.shape}; give one vector for each of "
            f"{'at least one row' if n is None else f'{n} rows'}."
        )
    if dtype is None:
        vectors = given if given.dtype.char in "fd" else given.astype(np.float64)
    else:
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite
            vectors = np.ascontiguousarray(given, dtype=dtype)
    if finite:
        if vectors.dtype == np.float32:
            with np.errstate(invalid="ignore"):
                # in float64 no sum of finite float32 overflows: no n x d array of truths is needed
                fine = np.isfinite(vectors.sum(axis=1, dtype=np.float64))
        else:
            fine = np.isfinite(vectors).all(axis=1)
        if not fine.all():
            row = int(np.flatnonzero(~fine)[0])
            shown = row if ids is None else repr(str(ids[row]))
            raise DataError(
                f"{name} hold a value that is not finite in row {shown}; leave that row out, or "
                "fill it."
            )
    return vectors


def one_number_each(
    name: str, values: ArrayLike, n: int | None = None, *, negative: bool = True
) -> NDArray[np.float64]:
    """Check that there is one number a row; NaN (also for masked) and infinite ones may be there.

    Parameters
    ----------
    name : str
        What the numbers are, for the message.
    values : array-like, shape (n,)
    n : int, optional
        Rows there must be; any number of at least one by default.
    negative : bool
        Whether finite numbers below 0 are allowed.

    Returns
    -------
    ndarray of float64, shape (n,)

    Raises
    ------
    DataError
        Not numbers, another shape, no row, or a negative number where none is allowed.
    """
    numbers = number_array(name, values).astype(np.float64, copy=False)
    if numbers.ndim != 1 or not len(numbers) or (n is not None and len(numbers) != n):
        rows = "each of at least one row" if n is None else f"each of {n} rows"
        raise DataError(f"{name} have shape {numbers.shape}; give one number for {rows}.")
    if not negative:
        below = np.flatnonzero((numbers < 0) & np.isfinite(numbers))
        if len(below):
            row = int(below[0])
            raise DataError(
                f"{name} of row {row} is {numbers[row]:g}; give numbers of 0 or more, for "
                "example by adding a constant to all."
            )
    return numbers


def checked_labels(
    values: ArrayLike, n: int | None = None, n_classes: int | None = None, *, name: str = "Labels"
) -> NDArray[np.int64]:
    """Check that there is one class a row, from 0 upwards.

    Parameters
    ----------
    values : array-like of int, shape (n,)
    n : int, optional
        Rows there must be; any number of at least one by default.
    n_classes : int, optional
        Classes there are; unlimited by default.
    name : str
        What they are, for the message, as a plural.

    Returns
    -------
    ndarray of int64, shape (n,)

    Raises
    ------
    DataError
        Not whole numbers, another shape, or a class below 0 or not below `n_classes`.
    """
    labels = number_array(name, values)
    fits = labels.ndim == 1 and (len(labels) > 0 if n is None else len(labels) == n)
    # what holds nothing has no type
    if not fits or (labels.dtype.kind not in "iu" and len(labels)):
        rows = "each row" if n is None else f"each of {n} rows"
        raise DataError(
            f"{name} have shape {labels.shape} and type {labels.dtype}; give a whole number for "
            f"{rows}."
        )
    labels = labels.astype(np.int64)
    outside = labels < 0
    if n_classes is not None:
        outside |= labels >= n_classes
    if outside.any():
        row = int(np.flatnonzero(outside)[0])
        most = "" if n_classes is None else f" to {n_classes - 1}"
        raise DataError(f"{name} hold {labels[row]} in row {row}; give classes from 0{most}.")
    return labels


def checked_mask(name: str, values: ArrayLike, n: int) -> NDArray[np.bool_]:
    """Check that there is one truth value a row.

    Raises
    ------
    DataError
        Another type or shape.
    """
    mask = number_array(name, values)
    if mask.shape != (n,) or mask.dtype != np.bool_:
        raise DataError(
            f"{name} has shape {mask.shape} and type {mask.dtype}; give True or False for each of "
            f"{n} rows."
        )
    return mask


def checked_weights(values: ArrayLike, n: int) -> NDArray[np.float64]:
    """Check that there is one finite weight of at least 0 a row, and not 0 for all.

    Raises
    ------
    DataError
    """
    weights = number_array("Weights", values).astype(np.float64, copy=False)
    fine = weights.shape == (n,) and bool(np.isfinite(weights).all())
    if not fine or (weights < 0).any() or not weights.any():
        raise DataError(
            f"Weights have shape {weights.shape}; give a finite one of at least 0 for each of {n} "
            "rows, and not 0 for all."
        )
    return weights


def checked_probabilities(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probabilities as float64, or say which row is wrong.

    Raises
    ------
    DataError
        Not a matrix with at least one column, or a row that is not finite, has a value
        outside [0, 1], or does not add up to 1 within 1e-3.
    """
    p = number_array("Probabilities", probabilities).astype(np.float64, copy=False)
    if p.ndim != 2 or p.shape[1] < 1:
        raise DataError(
            f"Probabilities have shape {p.shape}; give one row each and one column a class."
        )
    # NaN fails every comparison
    within = np.logical_and(p >= 0, p <= 1 + TOLERANCE).all(axis=1)
    with np.errstate(invalid="ignore"):
        fine = np.logical_and(within, np.abs(p.sum(axis=1) - 1.0) <= TOLERANCE)
    if not fine.all():
        row = int(np.flatnonzero(~fine)[0])
        raise DataError(
            f"Row {row} of the probabilities is {p[row].tolist()}; each row must be within [0, 1] "
            "and add up to 1."
        )
    return p


def check_unique(ids: NDArray[np.str_], among: str = "") -> None:
    """Refuse an id that two rows share.

    Parameters
    ----------
    ids : ndarray of str, shape (n,)
    among : str
        Which rows these are, for the message, such as ``" among the labelled rows"``.

    Raises
    ------
    DataError

    Notes
    -----
    One look where they ascend, which is far cheaper than the sort that it takes otherwise.
    """
    if not (ids[1:] > ids[:-1]).all():
        ordered = np.sort(ids)
        twice = np.flatnonzero(ordered[1:] == ordered[:-1])
        if len(twice):
            raise DataError(
                f"The id {str(ordered[twice[0]])!r} occurs twice{among}; ids must be unique."
            )
