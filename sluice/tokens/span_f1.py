"""How well tagged spans and words are found: strict span F1, and token F-beta."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError, DataError
from sluice.data.payloads.bio import OUTSIDE, parts_of, spans_of

T_FREX_BETA = 2.385
"""How much more recall counts than precision in T-FREX: what finding a feature by hand costs,
over what looking at a suggested one costs (28.29 / 11.86)."""

Tags = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Score:
    """Precision, recall and their mean.

    Attributes
    ----------
    precision, recall : float
        0 where there is nothing to divide by.
    f : float
        Their weighted harmonic mean.
    support : int
        Spans or words that there are to be found.
    """

    precision: float
    recall: float
    f: float
    support: int


@dataclass(frozen=True)
class Scores:
    """A score over all types, and one of each.

    Attributes
    ----------
    overall : Score
        Of the counts of all types together.
    by_type : dict of str to Score
        Every type that is in the truth or predicted, ascending.
    """

    overall: Score
    by_type: dict[str, Score]


def f_beta(precision: float, recall: float, beta: float = 1.0) -> float:
    """Weighted harmonic mean ``(1 + beta^2) P R / (beta^2 P + R)`` (van Rijsbergen 1979).

    Parameters
    ----------
    precision, recall : float
        0 to 1.
    beta : float
        Above 0: how much more recall counts.

    Returns
    -------
    float
        0 where both are 0.

    Raises
    ------
    ConfigError
        `beta` is not above 0.
    """
    if not 0 < beta < float("inf"):
        raise ConfigError(f"beta is {beta!r}; give a number above 0, such as 1 or {T_FREX_BETA}.")
    below = beta**2 * precision + recall
    return (1 + beta**2) * precision * recall / below if below else 0.0


def span_f1(truth: Tags, predicted: Tags) -> Scores:
    """Strict span F1: a span is right where type, first and last word are.

    Parameters
    ----------
    truth, predicted : sequence of sequence of str
        BIO tags of each sentence, equally long. Ill-formed spans of a prediction count as none.

    Returns
    -------
    Scores

    Raises
    ------
    DataError
        There is no sentence, lengths differ, or a tag is no BIO tag.

    Notes
    -----
    By seqeval (Nakayama 2018) in strict mode with the scheme IOB2.
    """
    from seqeval.metrics.v1 import precision_recall_fscore_support
    from seqeval.scheme import IOB2

    _check(truth, predicted)
    lists = [[list(tags) for tags in side] for side in (truth, predicted)]
    if not any(spans_of(tags) for side in lists for tags in side):
        return Scores(Score(0.0, 0.0, 0.0, 0), {})

    def scored(average: str | None) -> NDArray[np.float64]:
        found = precision_recall_fscore_support(
            *lists,
            scheme=IOB2,
            average=average,
            zero_division=0,  # pyright: ignore[reportArgumentType]
        )
        return np.asarray(found, dtype=np.float64)

    spans = (span.type for side in lists for tags in side for span in spans_of(tags))
    by_type = zip(sorted(set(spans)), scored(None).T, strict=True)
    return Scores(_score(scored("micro")), {name: _score(values) for name, values in by_type})


def _score(values: NDArray[np.float64]) -> Score:
    return Score(float(values[0]), float(values[1]), float(values[2]), int(values[3]))


def span_counts(truth: Tags, predicted: Tags) -> NDArray[np.int64]:
    """Count spans sentence by sentence: what a bootstrap over sentences needs.

    Parameters
    ----------
    truth, predicted : sequence of sequence of str, length n
        See `span_f1`.

    Returns
    -------
    ndarray of int64, shape (n, 3)
        Right, predicted and true spans; F1 is ``2 right / (predicted + true)`` of their sums.

    Raises
    ------
    DataError
        See `span_f1`.
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
        See `span_f1`.

    Returns
    -------
    dict of str to ndarray of int64, shape (n, 3)
        Of each type, ascending: words whose tag is right, whose predicted tag is B or I of it,
        and whose true tag is.

    Raises
    ------
    DataError
        See `span_f1`.
    """
    _check(truth, predicted)
    counts: dict[str, NDArray[np.int64]] = {}
    for row, (t, p) in enumerate(zip(truth, predicted, strict=True)):
        for true, said in zip(t, p, strict=True):
            marks = ((0, said if true == said else OUTSIDE), (1, said), (2, true))
            for column, tag in marks:
                name = (parts_of(tag) or ("", ""))[1]
                if name:
                    table = counts.setdefault(name, np.zeros((len(truth), 3), dtype=np.int64))
                    table[row, column] += 1
    return dict(sorted(counts.items()))


def token_f_beta(truth: Tags, predicted: Tags, beta: float = T_FREX_BETA) -> Scores:
    """F-beta of words: a word is right where its whole tag is, B or I and type.

    Parameters
    ----------
    truth, predicted : sequence of sequence of str
        See `span_f1`. Words that are O in truth and prediction count nowhere.
    beta : float
        Above 0; T-FREX's by default.

    Returns
    -------
    Scores

    Raises
    ------
    DataError
        See `span_f1`.
    ConfigError
        See `f_beta`.
    """
    sums = {name: table.sum(axis=0) for name, table in token_counts(truth, predicted).items()}
    total = np.sum([*sums.values()], axis=0) if sums else np.zeros(3, dtype=np.int64)
    overall = score_of(total, beta)
    return Scores(overall, {name: score_of(part, beta) for name, part in sums.items()})


def score_of(counts: NDArray[np.int64], beta: float = 1.0) -> Score:
    """Score of the counts right, predicted and true, shape (3,)."""
    right, said, true = (int(count) for count in counts)
    precision, recall = right / said if said else 0.0, right / true if true else 0.0
    return Score(precision, recall, f_beta(precision, recall, beta), true)


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
