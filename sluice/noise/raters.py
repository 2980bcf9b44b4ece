"""Real label noise with a known truth: one person's word against that of all the others.

Ours. Where several people rated a row, one of them is drawn and their class is the given label;
the truth is the class of the mean of the others. So the noise is that of real people, no rating
counts on both sides, and the truth is as good as a group's word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sluice.core.arrays import number_array
from sluice.core.errors import ConfigError, DataError
from sluice.core.randomness import keyed_uniform
from sluice.data.values.one_column import unique_ids

CLASSES = ("negative", "neutral", "positive")
_ROUNDING = 1e-9


@dataclass(frozen=True)
class RaterDraw:
    """One draw of a rater for each row.

    Attributes
    ----------
    labels : ndarray of int64, shape (n,)
        Class of the drawn rater, as position in `CLASSES`; -1 for a row that is set aside.
    truth : ndarray of int64, shape (n,)
        Class of the mean of the other raters; -1 for a row that is set aside.
    near_border : ndarray of bool, shape (n,)
        Whether that mean is so near a border that a few more raters might change the truth.
    rater : ndarray of int64, shape (n,)
        Place of the drawn rating in its row's list; -1 for a row that is set aside.
    usable : ndarray of bool, shape (n,)
        Whether there was somebody else; all True unless rows may be set aside.
    """

    labels: NDArray[np.int64]
    truth: NDArray[np.int64]
    near_border: NDArray[np.bool_]
    rater: NDArray[np.int64]
    usable: NDArray[np.bool_]


def draw_raters(
    ratings: Sequence[Sequence[float]],
    *,
    ids: Sequence[str] | NDArray[np.str_],
    seed: int = 0,
    borders: tuple[float, float] = (-0.5, 0.5),
    near: float = 0.1,
    set_aside: bool = False,
) -> RaterDraw:
    """Take one rater's class as the given label and the others' as the truth.

    Parameters
    ----------
    ratings : sequence of n sequences of float
        The ratings of each row, at least two, in any order that does not change between calls.
    ids : sequence of str, length n
        Unique. Which rater is drawn depends on the seed, the id and the length of the list.
    seed : int
    borders : (float, float)
        At most the first is negative, at least the second is positive, between them is neutral.
    near : float
        Distance of the others' mean from a border up to which a row is flagged.
    set_aside : bool
        Whether a row with fewer than two ratings is set aside; otherwise it is an error.

    Returns
    -------
    RaterDraw

    Raises
    ------
    DataError
        A row has fewer than two ratings, or one that is not finite; the row is named.
    ConfigError
        The borders are not in ascending order, or `near` is negative.

    Notes
    -----
    One pass over the ratings.
    """
    if not borders[0] < borders[1] or not near >= 0:
        raise ConfigError(
            f"The borders are {borders} and near is {near}; give a lower and a higher border, and "
            "a distance of 0 or more."
        )
    names = unique_ids(ids, len(ratings))
    counts = np.array([len(row) for row in ratings], dtype=np.int64)
    usable = counts >= 2
    if not set_aside and not usable.all():
        row = int(np.flatnonzero(~usable)[0])
        raise DataError(
            f"Row {str(names[row])!r} has {counts[row]} rating(s): with one rater there are no "
            "others to tell the truth. Drop the row, or call with set_aside=True."
        )
    rater = np.where(usable, (keyed_uniform(seed, names) * counts).astype(np.int64), -1)
    own = np.zeros(len(names), dtype=np.float64)
    others = np.zeros(len(names), dtype=np.float64)
    for row in np.flatnonzero(usable).tolist():
        given = number_array("Ratings", ratings[row]).astype(np.float64, copy=False)
        if not np.isfinite(given).all():
            raise DataError(
                f"Row {str(names[row])!r} has a rating that is not finite; drop that rating."
            )
        own[row] = given[rater[row]]
        others[row] = np.delete(given, rater[row]).sum() / (len(given) - 1)
    close = np.abs(others[:, None] - np.array(borders)).min(axis=1) <= near + _ROUNDING
    return RaterDraw(
        np.where(usable, rating_class(own, borders), -1),
        np.where(usable, rating_class(others, borders), -1),
        usable & close,
        rater,
        usable,
    )


def rating_class(
    ratings: NDArray[np.float64], borders: tuple[float, float] = (-0.5, 0.5)
) -> NDArray[np.int64]:
    """Class of a rating or a mean of ratings, as position in `CLASSES`; borders are not neutral."""
    return 1 + (ratings >= borders[1]).astype(np.int64) - (ratings <= borders[0])
