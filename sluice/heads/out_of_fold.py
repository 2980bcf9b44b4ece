"""Out-of-fold class probabilities: every row is scored by a head that has not seen it.

What a row's neighbours in its own fold say about it is hidden too, so the probabilities are fit
for confident learning and for active-learning scores on the training rows.

The fold of a row is ``rank mod folds`` nowhere: it is a hash of (seed, id) within its class
(ours), so that a row never changes its fold because other rows came or went.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from sluice.errors import ConfigError, DataError
from sluice.heads.logistic import HeadConfig, fit_head


def assign_folds(
    ids: NDArray[np.str_], labels: NDArray[np.integer], *, folds: int = 5, seed: int = 0
) -> NDArray[np.int64]:
    """Fold of each row, a pure function of (seed, class, id).

    Parameters
    ----------
    ids : ndarray of str, shape (n,)
    labels : ndarray of int, shape (n,)
    folds : int
    seed : int

    Returns
    -------
    ndarray of int64, shape (n,)
        0 to ``folds - 1``. Folds are even in expectation only (binomial within each class):
        the price of folds that do not move.

    Notes
    -----
    O(n). Ours.
    """
    keys = (f"{seed}\x1f{int(c)}\x1f{i}" for i, c in zip(ids, labels, strict=True))
    digests = (hashlib.blake2b(k.encode(), digest_size=8).digest() for k in keys)
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
        Unique; they alone, with the class and the seed, decide the folds.
    n_classes : int, optional
        Default: the largest label plus one.
    folds : int
        At least 2.
    seed : int
    config : HeadConfig, optional

    Returns
    -------
    ndarray of float64, shape (n, C)
        Rows sum to 1. A class whose rows all fell in one fold has probability 0 there: the
        head that scored it never saw the class.

    Raises
    ------
    ConfigError
        If `folds` is below 2.
    DataError
        If lengths disagree, or all rows fall into one fold (too few rows to score any).

    Notes
    -----
    `folds` heads of (1 - 1/folds) n rows each. A rows' training set is put in the order of its
    ids first, so the last bits do not depend on the order of the rows given.
    """
    if folds < 2:
        raise ConfigError(f"Out-of-fold scoring needs at least 2 folds, got {folds}.")
    y = np.asarray(labels, dtype=np.int64)
    if not len(embeddings) == len(y) == len(ids):
        raise DataError(
            f"Embeddings, labels and ids differ in length: {len(embeddings)}, {len(y)}, {len(ids)}."
        )
    if len(y) == 0:
        return np.zeros((0, n_classes or 0), dtype=np.float64)
    total = int(y.max()) + 1 if n_classes is None else n_classes
    fold_of = assign_folds(ids, y, folds=folds, seed=seed)
    if len(np.unique(fold_of)) == 1:
        raise DataError(
            f"All {len(y)} rows fall into one of {folds} folds, so no row can be scored by a head "
            "that has not seen it. Give more rows, or another seed."
        )
    by_id = np.argsort(ids, kind="stable")
    result = np.empty((len(y), total), dtype=np.float64)
    for fold in np.unique(fold_of):
        train = by_id[fold_of[by_id] != fold]
        held = np.flatnonzero(fold_of == fold)
        head = fit_head(embeddings[train], y[train], total, config)
        result[held] = head.predict_proba(embeddings[held])
    return result
