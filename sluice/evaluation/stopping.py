"""When to stop labelling: signs that further labels change the model little.

None of them reads a label that is not there yet: they look at what the model of one round says of
a fixed set of rows, and at what that of the next round says. The rows of a stop set should be
drawn without regard to the strategy, for example by the hash of the id.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sluice.core.arrays import checked_probabilities
from sluice.core.errors import ConfigError, DataError
from sluice.evaluation.metrics import macro_f1

Codes = NDArray[np.int64]


def cohen_kappa(first: Codes, second: Codes) -> float:
    """Agreement of two models beyond chance, ``(p_o - p_e) / (1 - p_e)``.

    Cohen, A Coefficient of Agreement for Nominal Scales (1960).

    Parameters
    ----------
    first, second : ndarray of int64, shape (n,)
        Classes that each predicts.

    Returns
    -------
    float
        At most 1; 1 where both say one and the same class everywhere, for which the formula has
        no value (ours).

    Raises
    ------
    DataError
        The predictions are not of the same rows, at least one.

    Notes
    -----
    By scikit-learn.
    """
    from sklearn.metrics import cohen_kappa_score

    _check_pair(first, second)
    # scikit-learn warns of it, and gives no number
    if len(np.union1d(first, second)) == 1:
        return 1.0
    return float(cohen_kappa_score(first, second))


def kappa_average(
    rounds: Sequence[Codes], window: int = 3, threshold: float = 0.99
) -> tuple[bool, float]:
    """Stop where the models of successive rounds agree on a stop set.

    Bloodgood and Vijay-Shanker, A Method for Stopping Active Learning Based on Stabilizing
    Predictions and the Need for User-Adjustable Stopping (CoNLL 2009).

    Parameters
    ----------
    rounds : sequence of ndarray of int64, each of shape (n,)
        What the model of each round predicts for the stop set, oldest first.
    window : int
        Agreements of successive rounds that are averaged, the newest ones.
    threshold : float

    Returns
    -------
    stop : bool
        The mean kappa is at least the threshold; never before ``window + 1`` rounds.
    kappa : float
        The mean over the agreements that there are, NaN for a single round.

    Raises
    ------
    ConfigError
        The window is below 1.
    DataError
        See `cohen_kappa`.
    """
    if window < 1:
        raise ConfigError(f"window is {window}; average at least one agreement.")
    pairs = list(pairwise(rounds))[-window:]
    if not pairs:
        return False, float("nan")
    mean = float(np.mean([cohen_kappa(before, after) for before, after in pairs]))
    return len(pairs) == window and mean >= threshold, mean


def delta_f(
    rounds: Sequence[Codes], window: int = 3, threshold: float = 0.01
) -> tuple[bool, float]:
    """Stop where the forecast change of the F-measure between rounds is small.

    Altschuler and Bloodgood, Stopping Active Learning Based on Predicted Change of F Measure for
    Text Classification (ICSC 2019). The predictions of the newer model stand for the truth: with
    ``F`` of the older against them, the forecast change is ``1 - F``. The paper is about two
    classes; the macro average over more, and over the window, is ours.

    Parameters
    ----------
    rounds : sequence of ndarray of int64, each of shape (n,)
        As for `kappa_average`.
    window : int
    threshold : float

    Returns
    -------
    stop : bool
        Each of the newest `window` changes is at most the threshold.
    change : float
        The mean over the changes that there are, NaN for a single round.

    Raises
    ------
    ConfigError
        The window is below 1.
    DataError
        See `cohen_kappa`.
    """
    if window < 1:
        raise ConfigError(f"window is {window}; look at least at one change.")
    pairs = list(pairwise(rounds))[-window:]
    if not pairs:
        return False, float("nan")
    changes = [_change(before, after) for before, after in pairs]
    return len(changes) == window and max(changes) <= threshold, float(np.mean(changes))


def overall_uncertainty(
    probabilities: NDArray[np.float64], threshold: float = 0.1
) -> tuple[bool, float]:
    """Stop where the model is sure of the rows that have no label.

    Zhu, Wang and Hovy, Multi-Criteria-Based Strategy to Stop Active Learning for Data Annotation
    (COLING 2008): the mean entropy of the unlabelled rows, here as a share of its greatest value,
    ``log C``, so that one threshold serves any number of classes (ours).

    Parameters
    ----------
    probabilities : ndarray of float64, shape (n, C)
    threshold : float

    Returns
    -------
    stop : bool
        The mean is below the threshold.
    uncertainty : float
        From 0, sure of every row, to 1; 0 for a single class.

    Raises
    ------
    DataError
        There is no row, or see `sluice.core.arrays.checked_probabilities`.
    """
    p = checked_probabilities(probabilities)
    if not len(p):
        raise DataError("There is no row to be unsure of; give probabilities of at least one.")
    if p.shape[1] < 2:
        return threshold > 0, 0.0
    logs = np.log(np.where(p > 0, p, 1.0))
    mean = float((-(p * logs).sum(axis=1)).mean() / np.log(p.shape[1]))
    return mean < threshold, mean


def _change(before: Codes, after: Codes) -> float:
    _check_pair(before, after)
    classes = int(max(before.max(), after.max())) + 1
    return 1.0 - macro_f1(after, before, classes)


def _check_pair(first: Codes, second: Codes) -> None:
    if first.ndim != 1 or first.shape != second.shape or not len(first):
        raise DataError(
            f"Predictions have shapes {first.shape} and {second.shape}; give one class for each "
            "row of the same stop set, at least one."
        )
