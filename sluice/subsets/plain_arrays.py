"""What methods share that take plain arrays: checks, rows set aside, and a `Selection`."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sluice.core.errors import DataError
from sluice.data.values.number_array import number_array
from sluice.subsets.contract import Picks, Selection


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


def usable_by(
    numbers: NDArray[np.float64], budget: int, name: str
) -> tuple[NDArray[np.int64], int, str]:
    """Set rows aside whose number is NaN or infinite.

    Parameters
    ----------
    numbers : ndarray of float64, shape (n,)
    budget : int
    name : str
        What the numbers are, for the note.

    Returns
    -------
    positions : ndarray of int64, shape (m,)
        Usable rows, ascending.
    budget : int
        At most m.
    note : str
        Empty, or how many rows are set aside and why.
    """
    finite = np.isfinite(numbers)
    positions = np.flatnonzero(finite)
    lost = len(numbers) - len(positions)
    note = f"{lost} of {len(numbers)} rows are set aside: {name} NaN or infinite." if lost else ""
    return positions, min(budget, len(positions)), note


def as_selection(method: str, picks: Picks, budget: int) -> Selection:
    """Make a `Selection` by position of what a method picked from plain arrays.

    Parameters
    ----------
    method : str
        Name of the selector, for the note.
    picks : Picks
    budget : int
        Rows asked for; the note says so where fewer are kept.
    """
    kept = len(picks.positions)
    short = (
        f"{method} kept {kept} rows of the {budget} asked for: no more are usable."
        if kept < budget
        else ""
    )
    return Selection(
        np.asarray(picks.positions, dtype=np.int64),
        np.asarray(picks.gains, dtype=np.float64),
        picks.reasons,
        " ".join(filter(None, [short, picks.note])),
        picks.trace,
        picks.training_weights,
    )
