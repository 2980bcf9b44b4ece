"""Out-of-fold class probabilities: every row is scored by a head that has not seen it.

The fold of a row is a hash of (seed, id) (ours), so that a row never changes its fold because
others came, went or were relabelled. A hash knows no classes, hence spreads each class over the
folds evenly, in expectation.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from sluice.core.arrays import whole_array
from sluice.core.errors import ConfigError, DataError
from sluice.heads.logistic import HeadConfig, fit_head


def assign_folds(ids: NDArray[np.str_], *, folds: int = 5, seed: int = 0) -> NDArray[np.int64]:
    """Fold of each row, a pure function of (seed, id).

    Parameters
    ----------
    ids : ndarray of str, shape (n,)
    folds : int
    seed : int

    Returns
    -------
    ndarray of int64, shape (n,)
        0 to ``folds - 1``; sizes are even in expectation only, the price of folds that stay put.
    """
    digests = (hashlib.blake2b(f"{seed}\x1f{i}".encode(), digest_size=8).digest() for i in ids)
    return np.fromiter(
        (int.from_bytes(d, "big") % folds for d in digests), dtype=np.int64, count=len(ids)
    )


def out_of_fold_probabilities(
    embeddings: NDArray[np.floating],
    labels: NDArray[np.integer],
    *,
    ids: NDArray[np.str_],
    n_classes: int | None = None,
    folds: int = 5,
    seed: int = 0,
    config: HeadConfig | None = None,
) -> NDArray[np.float64]:
    """Score every row by the head trained on the other folds.

    Parameters
    ----------
    embeddings : ndarray of float, shape (n, d)
    labels : ndarray of int, shape (n,)
        0 to ``n_classes - 1``.
    ids : ndarray of str, shape (n,)
        Unique; they and the seed alone decide the folds.
    n_classes : int, optional
        Default: the largest label plus one.
    folds : int
        At least 2.
    seed : int
    config : HeadConfig, optional

    Returns
    -------
    ndarray of float64, shape (n, C)
        Rows sum to 1. A class all of whose rows are in one fold has probability 0 there: the
        head that scores that fold has never seen it.

    Raises
    ------
    ConfigError
        If `folds` is below 2.
    DataError
        If lengths disagree, or there is one row only.

    Notes
    -----
    `folds` heads of (1 - 1/folds) n rows each. So few rows that all share one fold are left out
    one by one instead (ours). Rows are put in the order of their ids first, so the order given
    changes nothing.
    """
    if folds < 2:
        raise ConfigError(f"Out-of-fold scoring needs at least 2 folds, got {folds}.")
    y = whole_array("Labels", labels)
    if not len(embeddings) == len(y) == len(ids):
        raise DataError(
            f"Embeddings, labels and ids differ in length: {len(embeddings)}, {len(y)}, {len(ids)}."
        )
    if len(y) == 0:
        return np.zeros((0, n_classes or 0), dtype=np.float64)
    if len(y) == 1:
        raise DataError("One row cannot be scored by a head that has not seen it. Give more rows.")
    total = int(y.max()) + 1 if n_classes is None else n_classes
    order = np.argsort(ids, kind="stable")
    fold_of = assign_folds(ids[order], folds=folds, seed=seed)
    if len(np.unique(fold_of)) == 1:
        fold_of = np.arange(len(y), dtype=np.int64)
    result = np.empty((len(y), total), dtype=np.float64)
    for fold in np.unique(fold_of):
        train, held = order[fold_of != fold], order[fold_of == fold]
        head = fit_head(embeddings[train], y[train], total, config)
        result[held] = head.predict_proba(embeddings[held])
    return result
