"""What methods share that take plain arrays: rows set aside, and a `Selection`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.subsets.contract import Picks, Selection


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
