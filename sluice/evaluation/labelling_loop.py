"""What a query strategy is worth: a loop of asking and labelling, on labels that are known.

The labels are there but hidden: each round the strategy asks for rows, they get their labels, and
a head that is trained on all labelled rows is measured on rows that no strategy sees.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError, DataError
from sluice.core.randomness import keyed_bits, uniform_of
from sluice.heads.answering import answers_of
from sluice.heads.answers import Labelled
from sluice.heads.logistic import Head, fit_head
from sluice.subsets.contract import Pool
from sluice.subsets.queries.registry import needs_of, strategy
from sluice.subsets.runner import run

Words = Callable[[Head, NDArray[np.int64]], NDArray[np.float64]]
"""``words(head, positions) -> (n,)``: see `sluice.heads.answers.Answers.words`."""


@dataclass(frozen=True)
class LabellingSet:
    """Rows to ask for, with their hidden labels, and rows to measure on.

    Attributes
    ----------
    ids : ndarray of str, shape (n,)
        Ascending.
    rows : ndarray of float32, shape (n, d)
    labels : ndarray of int64, shape (n,)
    n_classes : int
    held : mapping of split to (rows, labels)
    words : callable or None
        For strategies that read gradients by words.
    """

    ids: NDArray[np.str_]
    rows: NDArray[np.float32]
    labels: NDArray[np.int64]
    n_classes: int
    held: Mapping[str, tuple[NDArray[np.float32], NDArray[np.int64]]]
    words: Words | None = None


@dataclass(frozen=True)
class Loop:
    """How the loop goes.

    Attributes
    ----------
    start : int
        Rows that are labelled before the first query, the same for every strategy; drawn by
        (seed, id) until they are of two classes.
    batch : int
        Rows of a query.
    rounds : int
        Queries.
    candidates : int
        Rows that a strategy which reads words looks at in a round, drawn by (seed, round, id):
        a backward pass of the encoder for each class costs too much for all.
    """

    start: int = 25
    batch: int = 25
    rounds: int = 8
    candidates: int = 500


@dataclass(frozen=True)
class Curve:
    """What a strategy's labels trained.

    Attributes
    ----------
    labelled : list of int, length rounds + 1
        Labelled rows.
    accuracy : mapping of split to list of float, length rounds + 1
    order : ndarray of int64
        Positions of the labelled rows, in the order labelled.
    """

    labelled: list[int]
    accuracy: Mapping[str, list[float]]
    order: NDArray[np.int64] = field(repr=False)

    def area(self, split: str) -> float:
        """Area under the curve of a split: mean accuracy by the trapezoidal rule."""
        widths = np.diff(self.labelled)
        heights = np.array(self.accuracy[split])
        if not len(widths):
            return float(heights[0])
        return float((widths * (heights[1:] + heights[:-1]) / 2).sum() / widths.sum())


def labelling_curve(
    given: LabellingSet,
    name: str,
    seed: int,
    loop: Loop | None = None,
    options: Mapping[str, Any] | None = None,
) -> Curve:
    """Ask, label and measure.

    Parameters
    ----------
    given : LabellingSet
    name : str
        Of a strategy.
    seed : int
        Of the start and of each query.
    loop : Loop, optional
    options : mapping, optional
        Of the strategy.

    Returns
    -------
    Curve

    Raises
    ------
    ConfigError
        The loop asks for more rows than there are, or for none.
    DataError
        All rows are of one class.

    Notes
    -----
    A query and a head a round.
    """
    loop, options = loop or Loop(), dict(options or {})
    total = loop.start + loop.batch * loop.rounds
    if min(loop.start, loop.batch, loop.candidates) < 1 or total > len(given.ids):
        raise ConfigError(
            f"The loop asks for {total} of {len(given.ids)} rows; give start, batch and candidates "
            "of at least 1, and no more rows than there are."
        )
    known = starting_rows(given, seed, loop.start)
    sizes, accuracy = [len(known)], {split: [] for split in given.held}
    _measure(given, known, accuracy)
    for step in range(loop.rounds):
        count = min(loop.batch, len(given.ids) - len(known))
        asked = _ask(given, name, known, count, seed, step, loop.candidates, options)
        known = np.concatenate([known, asked])
        sizes.append(len(known))
        _measure(given, known, accuracy)
    return Curve(sizes, accuracy, known)


def starting_rows(given: LabellingSet, seed: int, count: int) -> NDArray[np.int64]:
    """Return the rows of the least draws, and as many more as it takes to have two classes.

    Raises
    ------
    DataError
        All rows are of one class.
    """
    order = np.argsort(uniform_of(keyed_bits(seed, given.ids)), kind="stable")
    other = np.flatnonzero(given.labels[order] != given.labels[order[0]])
    if not len(other):
        raise DataError("All rows are of one class; a loop of labelling needs two.")
    return order[: max(count, int(other[0]) + 1)].astype(np.int64)


def _measure(
    given: LabellingSet, known: NDArray[np.int64], accuracy: dict[str, list[float]]
) -> None:
    head = fit_head(given.rows[known], given.labels[known], given.n_classes)
    for split, (rows, labels) in given.held.items():
        accuracy[split].append(float((head.predict(rows) == labels).mean()))


def _ask(
    given: LabellingSet,
    name: str,
    known: NDArray[np.int64],
    count: int,
    seed: int,
    step: int,
    candidates: int,
    options: dict[str, Any],
) -> NDArray[np.int64]:
    """Return the positions of the next rows to label."""
    at = np.sort(known)
    labelled = Labelled(given.ids[at], given.rows[at], given.labels[at], given.n_classes)
    left = np.setdiff1d(np.arange(len(given.ids)), at)
    needs = needs_of(name, options)
    if "answers:words" in needs and len(left) > max(candidates, count):
        draws = uniform_of(keyed_bits(seed, given.ids[left]), step + 1)
        left = np.sort(left[np.argsort(draws, kind="stable")[: max(candidates, count)]])
    words = given.words
    answers = answers_of(
        needs,
        given.rows[left],
        labelled,
        seed,
        words=None if words is None else lambda head: words(head, left),
    )
    pool = Pool(given.ids[left], given.rows[left], labelled=labelled, answers=answers)
    kept = run(strategy(name), pool, count, seed + step, **options)
    return left[np.searchsorted(given.ids[left], kept.ids)]
