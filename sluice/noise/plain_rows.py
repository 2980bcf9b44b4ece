"""What the parts that deal with wrong labels ask of their arrays: one checked entry a row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sluice.core.errors import ConfigError, DataError
from sluice.data.values.number_array import number_array
from sluice.data.values.one_column import ids_of


def checked_vectors(name: str, values: ArrayLike, n: int | None = None) -> NDArray[np.floating]:
    """Check that there is one finite vector a row.

    Parameters
    ----------
    name : str
        What the vectors are, for the message, as a plural.
    values : array-like, shape (n, d)
    n : int, optional
        Rows there must be; any number of at least one by default.

    Returns
    -------
    ndarray of float32 or float64, shape (n, d)
        Not copied where it is one of them already.

    Raises
    ------
    DataError
        No numbers, another shape, no row, no column, or a value that is not finite.
    """
    vectors = number_array(name, values)
    fits = vectors.ndim == 2 and 0 not in vectors.shape and (n is None or len(vectors) == n)
    if not fits:
        rows = "at least one row" if n is None else f"{n} rows"
        raise DataError(
            f"{name} have shape {vectors.shape} and type {vectors.dtype}; give {rows} of numbers."
        )
    if vectors.dtype.char not in "fd":
        vectors = vectors.astype(np.float64)
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        row = int(np.flatnonzero(~finite)[0])
        raise DataError(f"{name} hold a value that is not finite in row {row}; drop or fill it.")
    return vectors


def checked_labels(values: ArrayLike, n: int, n_classes: int | None = None) -> NDArray[np.int64]:
    """Check that there is one class a row, from 0 upwards.

    Parameters
    ----------
    values : array-like of int, shape (n,)
    n : int
    n_classes : int, optional
        Classes there are; unlimited by default.

    Returns
    -------
    ndarray of int64, shape (n,)

    Raises
    ------
    DataError
        Not whole numbers, another shape, or a class below 0 or not below `n_classes`.
    """
    labels = number_array("Labels", values)
    if labels.shape != (n,) or labels.dtype.kind not in "iu":
        raise DataError(
            f"Labels have shape {labels.shape} and type {labels.dtype}; give one whole number for "
            f"each of {n} rows."
        )
    labels = labels.astype(np.int64)
    outside = labels < 0
    if n_classes is not None:
        outside |= labels >= n_classes
    if outside.any():
        row = int(np.flatnonzero(outside)[0])
        most = "" if n_classes is None else f" to {n_classes - 1}"
        raise DataError(f"The label of row {row} is {labels[row]}; give classes from 0{most}.")
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


def checked_ids(values: Sequence[str] | NDArray[np.str_], n: int) -> NDArray[np.str_]:
    """Check that there is one text a row, no two alike.

    Raises
    ------
    DataError
        No single values, not n, one missing or blank, or an id that two rows share.
    """
    ids = ids_of(values, n, "Ids")
    ordered = np.sort(ids)
    twice = np.flatnonzero(ordered[1:] == ordered[:-1])
    if len(twice):
        raise DataError(f"The id {str(ordered[twice[0]])!r} is that of two rows; make ids unique.")
    return ids


def checked_rate(rate: float) -> float:
    """Check that a noise rate is a share of the rows.

    Raises
    ------
    ConfigError
        It is not within [0, 1].
    """
    if not 0.0 <= rate <= 1.0:
        raise ConfigError(f"The noise rate is {rate}; give a share of rows between 0 and 1.")
    return float(rate)
