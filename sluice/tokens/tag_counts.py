"""Counts of tagged spans and words, right, predicted and true, of which F-beta is made.

See `sluice.evaluation.metrics.FOfCounts` for what becomes of their sums.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import DataError
from sluice.data.payloads.bio import OUTSIDE, parts_of, spans_of

T_FREX_BETA = 2.385
"""How much more recall counts than precision in T-FREX: what finding a feature by hand costs,
over what looking at a suggested one costs (28.29 / 11.86)."""

Tags = Sequence[Sequence[str]]


def span_counts(truth: Tags, predicted: Tags) -> NDArray[np.int64]:
    """Count spans sentence by sentence: a span is right where type, first and last word are.

    Parameters
    ----------
    truth, predicted : sequence of sequence of str, length n
        BIO tags of each sentence, equally long. Ill-formed spans of a prediction count as none,
        as in seqeval's strict mode with the scheme IOB2.

    Returns
    -------
    ndarray of int64, shape (n, 3)
        Right, predicted and true spans.

    Raises
    ------
    DataError
        There is no sentence, lengths differ, or a tag is no BIO tag.
    """
    _check(truth, predicted)
    rows = [
        (len({*spans_of(t)} & {*spans_of(p)}), len(spans_of(p)), len(spans_of(t)))
        for t, p in zip(truth, predicted, strict=True)
    ]
    return np.array(rows, dtype=np.int64)


def token_counts(truth: Tags, predicted: Tags) -> dict[str, NDArray[np.int64]]:
    """Count words sentence by sentence, by type.

    Parameters
    ----------
    truth, predicted : sequence of sequence of str, length n
        See `span_counts`.

    Returns
    -------
    dict of str to ndarray of int64, shape (n, 3)
        Of each type, ascending: words whose tag is right, whose predicted tag is B or I of it,
        and whose true tag is.

    Raises
    ------
    DataError
        See `span_counts`.
    """
    _check(truth, predicted)
    counts: dict[str, NDArray[np.int64]] = {}
    for row, (t, p) in enumerate(zip(truth, predicted, strict=True)):
        for true, guess in zip(t, p, strict=True):
            marks = ((0, guess if true == guess else OUTSIDE), (1, guess), (2, true))
            for column, tag in marks:
                name = (parts_of(tag) or ("", ""))[1]
                if name:
                    table = counts.setdefault(name, np.zeros((len(truth), 3), dtype=np.int64))
                    table[row, column] += 1
    return dict(sorted(counts.items()))


def _check(truth: Tags, predicted: Tags) -> None:
    if not len(truth) or len(truth) != len(predicted):
        raise DataError(
            f"There are true tags of {len(truth)} sentences and predicted ones of "
            f"{len(predicted)}; give both of the same sentences, at least one."
        )
    for row, (t, p) in enumerate(zip(truth, predicted, strict=True)):
        if len(t) != len(p):
            raise DataError(f"Sentence {row} has {len(t)} true tags and {len(p)} predicted ones.")
        for tag in (*t, *p):
            if parts_of(tag) is None:
                raise DataError(f"Sentence {row}: {tag!r} is no BIO tag. Give O, B-TYPE or I-TYPE.")
