"""How uncertain a model is of the tags of a sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sluice.core.errors import DataError

Matrix = NDArray[np.float64]


def mnlp(probabilities: Sequence[ArrayLike]) -> NDArray[np.float64]:
    """Maximum normalised log-probability, negated: ``-(1/w) sum_i ln max_c p_ic``.

    Shen et al., Deep Active Learning for Named Entity Recognition (arXiv:1707.05928), section 4.
    Where tags are predicted word by word, the likeliest tags of a sentence are the likeliest of
    each word.

    Parameters
    ----------
    probabilities : sequence of array-like, length n
        Of each sentence, shape (w, C): the tags' probabilities of each word. Words of NaN, which
        the model has not read, are passed over.

    Returns
    -------
    ndarray of float64, shape (n,)
        In nats a word, 0 to ln C; more is less certain. NaN where no word was read.

    Raises
    ------
    DataError
        A sentence's numbers are no w x C matrix of probabilities.
    """
    return _mean_of(probabilities, lambda p: -np.log(p.max(axis=1)))


def mean_token_entropy(probabilities: Sequence[ArrayLike]) -> NDArray[np.float64]:
    """Mean entropy of a sentence's words: ``-(1/w) sum_i sum_c p_ic ln p_ic``.

    Parameters
    ----------
    probabilities : sequence of array-like, length n
        See `mnlp`.

    Returns
    -------
    ndarray of float64, shape (n,)
        In nats, 0 to ln C. NaN where no word was read.

    Raises
    ------
    DataError
        See `mnlp`.
    """
    # 0 ln 0 is 0, and so is 0 ln 1
    return _mean_of(probabilities, lambda p: -(p * np.log(np.where(p > 0, p, 1.0))).sum(axis=1))


def _mean_of(probabilities: Sequence[ArrayLike], of_words: Callable[[Matrix], Matrix]) -> Matrix:
    means = np.full(len(probabilities), np.nan)
    for row, given in enumerate(probabilities):
        words = _checked(row, given)
        if len(words):
            means[row] = float(np.mean(of_words(words)))
    return means


def _checked(row: int, given: ArrayLike) -> NDArray[np.float64]:
    """Return the words that were read."""
    words = np.asarray(given, dtype=np.float64)
    if words.ndim != 2 or not words.shape[1]:
        raise DataError(
            f"Probabilities of sentence {row} have shape {words.shape}; give words x tags."
        )
    read = words[~np.isnan(words).all(axis=1)]
    # NaN compares as false: a word that is NaN in part is refused too
    if not ((read >= 0).all() and (np.abs(read.sum(axis=1) - 1) <= 1e-4).all()):
        raise DataError(
            f"Sentence {row} has numbers that are no probabilities: give numbers of 0 or more, 1 "
            "in total for each word."
        )
    return read
