"""The training set of EchoAlign: originals that were kept, and the edited version of every row.

``D' = {(x_i, y_i) : kept} + {(x'_i, y_i) : all i}``, y the given labels. With N = |D'| and m
edited rows, an edited row weighs (N - m) / N and an original m / N, so both kinds weigh the same
in all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sluice.core.arrays import checked_labels, checked_mask, checked_vectors
from sluice.core.errors import DataError


@dataclass(frozen=True)
class EchoTrainingSet:
    """Rows to train on, originals first, both kinds in the order of the rows they come from.

    Attributes
    ----------
    x : ndarray of float, shape (N, d)
    y : ndarray of int64, shape (N,)
        Given labels.
    weight : ndarray of float64, shape (N,)
        Of a row's loss; the two kinds have equal sums.
    row : ndarray of int64, shape (N,)
        Position of the row it comes from.
    modified : ndarray of bool, shape (N,)
        Whether it is the edited version.
    """

    x: NDArray[np.floating]
    y: NDArray[np.int64]
    weight: NDArray[np.float64]
    row: NDArray[np.int64]
    modified: NDArray[np.bool_]


def echo_training_set(
    x: ArrayLike, x_modified: ArrayLike, y: ArrayLike, kept: ArrayLike
) -> EchoTrainingSet:
    """Join the kept originals with all edited rows.

    Parameters
    ----------
    x, x_modified : array-like of float, shape (n, d)
    y : array-like of int, shape (n,)
        Given labels.
    kept : array-like of bool, shape (n,)
        Of `sluice.noise.echo_select.echo_select`.

    Returns
    -------
    EchoTrainingSet
        Of n rows and as many more as are kept.

    Raises
    ------
    DataError
        Shapes do not fit, or no row is kept: then every weight would be 0.

    Notes
    -----
    A copy of both arrays.
    """
    before = checked_vectors("The original rows", x)
    after = checked_vectors("The modified rows", x_modified, len(before))
    if before.shape != after.shape:
        raise DataError(
            f"Original and modified rows have shapes {before.shape} and {after.shape}; make both "
            "in the same way."
        )
    labels = checked_labels(y, len(before))
    originals = np.flatnonzero(checked_mask("The mask of kept rows", kept, len(before)))
    if not len(originals):
        raise DataError("No original row is kept, so all weights are 0; lower the threshold.")
    row = np.concatenate([originals, np.arange(len(before))])
    modified = np.arange(len(row)) >= len(originals)
    share = len(originals) / len(row)
    return EchoTrainingSet(
        np.concatenate([before[originals], after]),
        labels[row],
        np.where(modified, share, 1.0 - share),
        row,
        modified,
    )
