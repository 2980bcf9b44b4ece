"""Numbers that a caller gives as an array: what is masked is NaN, never what is below."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import DataError
from sluice.data.values.stringify import is_missing


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
