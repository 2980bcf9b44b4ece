"""What leaving distrusted labels out is worth: heads on all rows, on kept ones, on EchoAlign's set.

The kept rows and the weighted set are the paper's (`sluice.noise.echo_select`,
`sluice.noise.training_set`). Ours is the comparison: a logistic head in place of a ResNet, and
random rows of the same number and the same mix of classes, because fewer rows alone may change
what a head learns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import DataError
from sluice.core.progress import track
from sluice.evaluation.attention_value import NOTHING, points, points_range
from sluice.evaluation.bootstrap import Interval, accuracy_interval, paired_difference
from sluice.heads.logistic import HeadConfig, fit_head
from sluice.noise.training_set import echo_training_set
from sluice.subsets.contract import Pool
from sluice.subsets.random_stratified import random_stratified

ALL, JUDGED = "all rows", "all rows looked at"
KEPT, WEIGHTED = "rows that EchoSelect keeps", "EchoAlign's weighted set"
RANDOM = "random rows, as many as kept"

Held = Mapping[str, tuple[NDArray[np.floating], NDArray[np.int64]]]


@dataclass(frozen=True)
class Trained:
    """Heads trained on one choice of rows.

    Attributes
    ----------
    name : str
    rows : int
        Rows that the head was trained on.
    seeds : int
        Choices that the accuracy is the mean of; 1 where nothing is random.
    accuracy : mapping of split to Interval
    against_all : mapping of split to Interval
        Accuracy less that of the rows that the choice was made from; empty for those themselves.
    against_random : mapping of split to Interval
        Accuracy less that of random rows; empty but for the kept rows and the weighted set.
    """

    name: str
    rows: int
    seeds: int
    accuracy: Mapping[str, Interval]
    against_all: Mapping[str, Interval]
    against_random: Mapping[str, Interval]


@dataclass(frozen=True)
class EchoValue:
    """All of them, and what they show in one statement for people."""

    trained: tuple[Trained, ...]
    sentence: str


@dataclass(frozen=True)
class Looked:
    """The training rows that have a version for their given label.

    Attributes
    ----------
    at : ndarray of int64, shape (m,)
        Their positions among the training rows.
    edited : ndarray of float, shape (m, d)
        Vectors of their versions.
    kept : ndarray of bool, shape (m,)
        Whether the given label is trusted.
    """

    at: NDArray[np.int64]
    edited: NDArray[np.floating]
    kept: NDArray[np.bool_]


def echo_value(
    ids: NDArray[np.str_],
    x: NDArray[np.floating],
    y: NDArray[np.int64],
    looked: Looked,
    held: Held,
    n_classes: int,
    *,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    confidence: float = 0.95,
    resamples: int = 2000,
    config: HeadConfig | None = None,
) -> EchoValue:
    """Train a head on each choice of rows and compare them on rows that none has seen.

    Parameters
    ----------
    ids : ndarray of str, shape (n,)
        Of the training rows, sorted.
    x : ndarray of float, shape (n, d)
    y : ndarray of int64, shape (n,)
        Given labels.
    looked : Looked
    held : mapping of split to (x, y)
        ``validation``, which the statement goes by, and ``test``, which it only tells.
    n_classes : int
    seeds : sequence of int
        Of the random rows.
    confidence, resamples
        As in `sluice.evaluation.bootstrap`.
    config : HeadConfig, optional

    Returns
    -------
    EchoValue
        Without the choices that EchoSelect makes where it keeps no row.

    Raises
    ------
    DataError
        There is no training row, or a split has none.
    ConfigError
        `confidence` or `resamples` is out of range.

    Notes
    -----
    Cost: ``4 + seeds`` heads, one of them on twice the rows.
    """
    if not len(x) or not all(len(rows) for rows, _ in held.values()):
        raise DataError(
            f"There are {len(x)} training rows, and of held-out ones "
            f"{ {split: len(rows) for split, (rows, _) in held.items()} }; give some of each."
        )
    choices = _choices(ids, x, y, looked, seeds)
    right: dict[str, dict[str, NDArray[np.bool_]]] = {}
    with track("training on trusted labels", sum(map(len, choices.values()))) as advance:
        for name, sets in choices.items():
            heads = []
            for some, labels, weight in sets:
                heads.append(fit_head(some, labels, n_classes, config, weight=weight))
                advance()
            right[name] = {
                split: np.stack([head.predict(rows) == truth for head in heads])
                for split, (rows, truth) in held.items()
            }
    trained = tuple(_trained(name, choices, right, confidence, resamples) for name in choices)
    return EchoValue(trained, _sentence(trained, looked))


Choice = tuple[NDArray[np.floating], NDArray[np.int64], NDArray[np.float64] | None]


def _choices(
    ids: NDArray[np.str_],
    x: NDArray[np.floating],
    y: NDArray[np.int64],
    looked: Looked,
    seeds: Sequence[int],
) -> dict[str, list[Choice]]:
    """Return the rows, labels and weights of each choice, several where it is random."""
    found: dict[str, list[Choice]] = {ALL: [(x, y, None)]}
    kept = looked.at[looked.kept]
    if not len(kept):
        return found
    own, labels = x[looked.at], y[looked.at]
    if len(own) < len(x):
        found[JUDGED] = [(own, labels, None)]
    weighted = echo_training_set(own, looked.edited, labels, looked.kept)
    found[KEPT] = [(x[kept], y[kept], None)]
    found[WEIGHTED] = [(weighted.x, weighted.y, weighted.weight)]
    pool = Pool(ids=ids[looked.at], labels=labels)
    drawn = [random_stratified(pool, len(kept), seed).positions for seed in seeds]
    found[RANDOM] = [(own[some], labels[some], None) for some in drawn]
    return found


def _trained(
    name: str,
    choices: Mapping[str, list[Choice]],
    right: Mapping[str, Mapping[str, NDArray[np.bool_]]],
    confidence: float,
    resamples: int,
) -> Trained:
    whole = JUDGED if JUDGED in right else ALL

    def against(other: str) -> dict[str, Interval]:
        return {
            split: paired_difference(
                mine, right[other][split], confidence=confidence, resamples=resamples
            )
            for split, mine in right[name].items()
        }

    return Trained(
        name,
        len(choices[name][0][1]),
        len(choices[name]),
        {
            split: accuracy_interval(mine, confidence=confidence, resamples=resamples)
            for split, mine in right[name].items()
        },
        {} if name in (ALL, JUDGED) else against(whole),
        against(RANDOM) if name in (KEPT, WEIGHTED) else {},
    )


def _sentence(trained: Sequence[Trained], looked: Looked) -> str:
    """Say plainly what was found, by validation, and what test rows say of it."""
    by_name = {one.name: one for one in trained}
    if KEPT not in by_name:
        return (
            f"EchoSelect keeps none of the {len(looked.at)} rows that it looked at, so there is "
            "nothing to compare with all rows."
        )
    whole = JUDGED if JUDGED in by_name else ALL
    said = [
        f"{_capital(name)}: {_verdict(by_name[name].against_all['validation'])} than {whole}."
        for name in (KEPT, WEIGHTED)
    ]
    for name in (KEPT, WEIGHTED, RANDOM):
        parts = [f"{_points(found)} on {s}" for s, found in by_name[name].against_all.items()]
        said.append(f"{_capital(name)}, against {whole}: {', '.join(parts)}.")
    said.append(
        "In points of accuracy. The labels that this is measured by are given ones as well, and "
        "may be wrong in the same way."
    )
    return " ".join(said)


def _verdict(difference: Interval) -> str:
    if difference.high < -NOTHING:
        return "shown to train a worse head"
    shown = "shown" if difference.low > NOTHING else "not shown"
    return f"{shown} to train a better head"


def _points(found: Interval) -> str:
    return f"{points(found.mean)} {points_range(found)}"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
