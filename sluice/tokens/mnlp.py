"""How uncertain a model is of the tags of a sentence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sluice.core.errors import DataError


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
    means = np.full(len(probabilities), np.nan)
    for row, given in enumerate(probabilities):
        words = _checked(row, given)
        if len(words):
            means[row] = float(np.mean(-np.log(words.max(axis=1))))
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
