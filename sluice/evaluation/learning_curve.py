"""What a subset is worth: the accuracy of a head trained on it, on rows no selector has seen."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import DataError
from sluice.evaluation.learners import Learner, Predictor
from sluice.heads.logistic import HeadConfig, fit_head


@dataclass(frozen=True)
class SubsetScores:
    """Scores of one head on every split.

    Attributes
    ----------
    accuracy, macro_f1 : mapping of split to float
    predictions : mapping of split to ndarray of int64, shape (rows of the split,)
    seconds : float
        Wall time of training and predicting.
    converged : bool
        Whether the head's optimiser reached its tolerance; true of other learners.
    """

    accuracy: Mapping[str, float]
    macro_f1: Mapping[str, float]
    predictions: Mapping[str, NDArray[np.int64]]
    seconds: float
    converged: bool


def evaluate_subset(
    train_x: NDArray[np.floating],
    train_y: NDArray[np.integer],
    eval_sets: Mapping[str, tuple[NDArray[np.floating], NDArray[np.integer]]],
    n_classes: int,
    config: HeadConfig | None = None,
    learner: Learner | None = None,
) -> SubsetScores:
    """Train the head, or another learner, on a subset and score it on each split.

    Parameters
    ----------
    train_x : ndarray of float, shape (b, d)
    train_y : ndarray of int, shape (b,)
    eval_sets : mapping of split to (x, y)
        ``{"validation": (x, y), "test": (x, y)}``; each with at least one row.
    n_classes : int
    config : HeadConfig, optional
        How the head is trained.
    learner : Learner, optional
        What is trained in place of the head.

    Returns
    -------
    SubsetScores

    Raises
    ------
    DataError
        If a split has no rows, or as in `fit_head`.
    """
    began = time.perf_counter()
    for split, (x, y) in eval_sets.items():
        if len(x) == 0 or len(x) != len(y):
            raise DataError(
                f"Split {split!r} has {len(x)} rows and {len(y)} labels; it needs as many of "
                "both, and at least one."
            )
    head: Predictor = (
        learner.fit(train_x, train_y, n_classes)
        if learner
        else fit_head(train_x, train_y, n_classes, config)
    )
    predictions = {
        split: np.asarray(head.predict(x), dtype=np.int64) for split, (x, _) in eval_sets.items()
    }
    return SubsetScores(
        accuracy={s: float(np.mean(predictions[s] == y)) for s, (_, y) in eval_sets.items()},
        macro_f1={s: macro_f1(y, predictions[s], n_classes) for s, (_, y) in eval_sets.items()},
        predictions=predictions,
        seconds=time.perf_counter() - began,
        converged=bool(getattr(head, "converged", True)),
    )


def macro_f1(truth: NDArray[np.integer], predicted: NDArray[np.integer], n_classes: int) -> float:
    """Mean over classes of ``2 tp / (2 tp + fp + fn)``.

    Parameters
    ----------
    truth, predicted : ndarray of int, shape (n,)
        0 to ``n_classes - 1``.
    n_classes : int

    Returns
    -------
    float
        Over the classes that occur in either array.
    """
    right = np.bincount(truth[truth == predicted], minlength=n_classes)
    both = np.bincount(truth, minlength=n_classes) + np.bincount(predicted, minlength=n_classes)
    present = both > 0
    return float(np.mean(2.0 * right[present] / both[present]))
