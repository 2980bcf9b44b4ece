"""How good a selection of clean rows is, against labels that were held back from it.

The labels that are known to be right are read here and nowhere before: they never reach what
selects. Audited rows have helped to choose a threshold and are left out of every figure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sluice.core.arrays import checked_mask, number_array
from sluice.core.errors import DataError


@dataclass(frozen=True)
class SelectionQuality:
    """What a selection is worth.

    Attributes
    ----------
    precision : float
        Share of the kept rows whose given label is right; NaN where none is kept.
    recall : float
        Share of the rightly labelled rows that are kept; NaN where there is none.
    auc : float
        Probability that a rightly labelled row has a higher score than a wrongly labelled one,
        ties half; NaN without scores, and where all labels are right or all wrong.
    rows, kept : int
        Rows that were judged, and how many of them are kept.
    """

    precision: float
    recall: float
    auc: float
    rows: int
    kept: int


def selection_quality(
    kept: ArrayLike,
    right: ArrayLike,
    *,
    score: ArrayLike | None = None,
    audited: ArrayLike | None = None,
) -> SelectionQuality:
    """Judge a selection by which given labels are right.

    Parameters
    ----------
    kept : array-like of bool, shape (n,)
    right : array-like of bool, shape (n,)
        Whether the given label is the true one.
    score : array-like of float, shape (n,), optional
        What the selection was made by, higher where the label is more likely right.
    audited : array-like of bool, shape (n,), optional
        Rows to leave out, such as `sluice.noise.echo_select.EchoSelection.audited`.

    Returns
    -------
    SelectionQuality

    Raises
    ------
    DataError
        Shapes do not fit, a score is NaN, or no row is left to judge.

    Notes
    -----
    Cost: a sort of the scores (scikit-learn).
    """
    mask = number_array("Kept rows", kept)
    chosen = checked_mask("The mask of kept rows", mask, mask.size)
    good = checked_mask("Whether labels are right", right, len(chosen))
    judged = np.ones(len(chosen), dtype=np.bool_)
    if audited is not None:
        judged = ~checked_mask("The mask of audited rows", audited, len(chosen))
    if not judged.any():
        raise DataError("Every row is audited, so none is left to judge by; audit fewer rows.")
    chosen, good = chosen[judged], good[judged]
    hits = int((chosen & good).sum())
    auc = np.nan
    if score is not None:
        auc = _auc(number_array("Scores", score).astype(np.float64, copy=False), judged, good)
    return SelectionQuality(
        _share(hits, int(chosen.sum())),
        _share(hits, int(good.sum())),
        auc,
        len(chosen),
        int(chosen.sum()),
    )


def _auc(scores: NDArray[np.float64], judged: NDArray[np.bool_], good: NDArray[np.bool_]) -> float:
    from sklearn.metrics import roc_auc_score

    if scores.shape != judged.shape or np.isnan(scores).any():
        raise DataError(
            f"Scores have shape {scores.shape}, or one is NaN; give a number for each of "
            f"{len(judged)} rows."
        )
    if good.all() or not good.any():
        return float("nan")
    return float(roc_auc_score(good, scores[judged]))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
