"""Whether attention says which rows matter: delete those with the most of it, train, compare.

Attention is a weight in a network, not a measure of use. Here the rows with the most attention
are taken out of the training set, and, beside them, as many with the highest degree, and as many
at random; what a classifier loses by each is measured on rows that nobody has seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError, DataError
from sluice.core.progress import track
from sluice.core.randomness import keyed_bits
from sluice.evaluation.bootstrap import Interval, accuracy_interval, paired_difference
from sluice.evaluation.head_ablation import HeadValue
from sluice.heads.fitting import fit_family

MOST_ROWS = 10_000
"""Most training rows of the test (ours): it fits fifty classifiers."""

NOTHING = 1e-9
"""What rounding leaves of a difference of nothing."""


@dataclass(frozen=True)
class Deletion:
    """What is lost by deleting one share of the training rows in three ways.

    Attributes
    ----------
    share : float
        Of each class, rounded down.
    rows : int
        Rows deleted.
    by_attention, by_degree, by_random : Interval
        Held-out accuracy of what is left.
    attention_worth : Interval
        ``by_random - by_attention``: above 0 where the rows with the most attention are worth
        more than others.
    degree_worth : Interval
        ``by_random - by_degree``.
    """

    share: float
    rows: int
    by_attention: Interval
    by_degree: Interval
    by_random: Interval
    attention_worth: Interval
    degree_worth: Interval


@dataclass(frozen=True)
class AttentionValue:
    """The causal test of attention on one dataset.

    Attributes
    ----------
    family : str
        Of the classifier.
    rows, held_rows : int
        Training rows of the test, and rows that measured it.
    accuracy : Interval
        With all training rows of the test.
    deletions : tuple of Deletion
    heads : HeadValue or None
    sentence : str
        For people.
    """

    family: str
    rows: int
    held_rows: int
    accuracy: Interval
    deletions: tuple[Deletion, ...]
    heads: HeadValue | None
    sentence: str


def attention_value(
    ids: NDArray[np.str_],
    rows: NDArray[np.float32],
    labels: NDArray[np.int64],
    attention: NDArray[np.float64],
    degree: NDArray[np.float64],
    held_rows: NDArray[np.float32],
    held_labels: NDArray[np.int64],
    *,
    family: str = "random_forest",
    shares: Sequence[float] = (0.05, 0.1, 0.2),
    seeds: int = 5,
    heads: HeadValue | None = None,
) -> AttentionValue:
    """Measure what attention is worth.

    Parameters
    ----------
    ids : ndarray of str, shape (n,)
        Of the training rows; their order changes nothing.
    rows : ndarray of float32, shape (n, d)
    labels : ndarray of int64, shape (n,)
    attention, degree : ndarray of float64, shape (n,)
        Scores; the highest are deleted.
    held_rows : ndarray of float32, shape (m, d)
        Rows that no score has seen.
    held_labels : ndarray of int64, shape (m,)
    family : str
        One of `sluice.heads.families.FAMILIES`.
    shares : sequence of float
        Shares to delete; the sentence speaks of the middle one.
    seeds : int
        Of the classifier, and of the random deletions: at least 5 for an interval worth its
        name.
    heads : HeadValue, optional
        From `head_value`, to be told with it.

    Returns
    -------
    AttentionValue
        Intervals resample held-out rows and seeds, see `sluice.evaluation.bootstrap`.

    Raises
    ------
    DataError
        Lengths disagree, or there are no rows.
    ConfigError
        A share is not between 0 and 1, or `seeds` is below 2.
    UnknownNameError
        There is no such family.

    Notes
    -----
    Of more than `MOST_ROWS` training rows a keyed draw is tested. Cost: ``seeds (3 shares + 1)``
    fits.
    """
    if seeds < 2 or not shares or not all(0 < share < 1 for share in shares):
        raise ConfigError(
            f"shares are {list(shares)} and seeds {seeds}; shares must lie between 0 and 1, and "
            "seeds be at least 2."
        )
    lengths = {len(ids), len(rows), len(labels), len(attention), len(degree)}
    if len(lengths) != 1 or not len(ids) or not len(held_rows) == len(held_labels) > 0:
        raise DataError(
            "Ids, rows, labels and scores must be of one length, held-out rows and labels of "
            f"another, none empty; got {sorted(lengths)} and {len(held_rows)}, {len(held_labels)}."
        )
    chosen = _drawn(ids)
    train = rows[chosen], labels[chosen]
    held = held_rows, held_labels
    scores = {"attention": attention[chosen], "degree": degree[chosen]}
    with track("attention under test", seeds * (3 * len(shares) + 1)) as advance:

        def right(kept: Callable[[int], NDArray[np.int64]]) -> NDArray[np.bool_]:
            return _right(family, train, held, kept, seeds, advance)

        whole = right(lambda seed: np.arange(len(chosen)))
        deletions = tuple(
            _deletion(ids[chosen], train[1], scores, share, right) for share in shares
        )
    accuracy = accuracy_interval(whole)
    sentence = _sentence(deletions[len(deletions) // 2], accuracy, family, heads)
    return AttentionValue(family, len(chosen), len(held_rows), accuracy, deletions, heads, sentence)


def _drawn(ids: NDArray[np.str_]) -> NDArray[np.int64]:
    """Positions of the training rows of the test, by id."""
    order = np.argsort(ids, kind="stable")
    if len(order) <= MOST_ROWS:
        return order
    bits = keyed_bits(0, ids)[order]
    return order[np.sort(np.argsort(bits, kind="stable")[:MOST_ROWS])]


Right = Callable[[Callable[[int], NDArray[np.int64]]], NDArray[np.bool_]]


def _deletion(
    ids: NDArray[np.str_],
    labels: NDArray[np.int64],
    scores: dict[str, NDArray[np.float64]],
    share: float,
    right: Right,
) -> Deletion:
    def at_random(seed: int) -> NDArray[np.int64]:
        return left_after(labels, keyed_bits(seed + 1, ids).astype(np.float64), share)

    attention, degree = (
        right(lambda seed, score=score: left_after(labels, score, share))
        for score in (scores["attention"], scores["degree"])
    )
    random = right(at_random)
    return Deletion(
        share,
        len(ids) - len(left_after(labels, scores["attention"], share)),
        accuracy_interval(attention),
        accuracy_interval(degree),
        accuracy_interval(random),
        paired_difference(random, attention),
        paired_difference(random, degree),
    )


def left_after(
    labels: NDArray[np.int64], scores: NDArray[np.float64], share: float
) -> NDArray[np.int64]:
    """Rows that are left when the highest share of each class is deleted.

    Class by class, so that the deletions differ in which rows go and not in how many of each
    class. Rounded down: no class goes whole.

    Parameters
    ----------
    labels : ndarray of int64, shape (n,)
    scores : ndarray of float64, shape (n,)
        Ties: the first goes.
    share : float

    Returns
    -------
    ndarray of int64
        Ascending positions.
    """
    gone = [np.empty(0, dtype=np.int64)]
    for c in np.unique(labels):
        members = np.flatnonzero(labels == c)
        # 0.1 of 30 is 3, though the product is a little less in binary
        count = int(np.floor(share * len(members) + 1e-9))
        gone.append(members[np.argsort(-scores[members], kind="stable")[:count]])
    return np.setdiff1d(np.arange(len(labels)), np.concatenate(gone))


def _right(
    family: str,
    train: tuple[NDArray[np.float32], NDArray[np.int64]],
    held: tuple[NDArray[np.float32], NDArray[np.int64]],
    kept: Callable[[int], NDArray[np.int64]],
    seeds: int,
    advance: Callable[[], None],
) -> NDArray[np.bool_]:
    """Which held-out rows are right, for every seed, shape (seeds, m)."""
    right: list[NDArray[np.bool_]] = []
    for seed in range(seeds):
        some = kept(seed)
        model = fit_family(family, train[0][some], train[1][some], seed)
        right.append(np.asarray(model.predict(held[0]) == held[1]))
        advance()
    return np.stack(right)


def _sentence(deletion: Deletion, accuracy: Interval, family: str, heads: HeadValue | None) -> str:
    """One honest statement of what was found."""
    worth = deletion.attention_worth
    if worth.low > NOTHING:
        verdict = "so they matter more than others"
    elif worth.high < -NOTHING:
        verdict = "so they matter less than others"
    else:
        verdict = "which cannot be told from nothing"
    words = (
        f"On this dataset attention is worth {points(worth.mean)} points of accuracy "
        f"{points_range(worth)}: that is what a {family} loses more by deleting the "
        f"{deletion.share:.0%} of the rows with the most attention than by deleting as many at "
        f"random, {verdict}; by degree it is {points(deletion.degree_worth.mean)} "
        f"{points_range(deletion.degree_worth)}; with all rows the accuracy is {accuracy.mean:.1%}."
    )
    if heads is None:
        return words
    changes = [head.error.mean for head in heads.heads]
    return (
        f"{words} Silencing one of its heads changes the network's error by "
        f"{points(min(changes))} to {points(max(changes))} points."
    )


def points(share: float) -> str:
    """Write a difference of two shares in points, for example ``"+1.5"``."""
    return f"{round(100 * share, 1) + 0.0:+.1f}"  # never -0.0


def points_range(interval: Interval) -> str:
    """Write the ends of such a difference, for example ``"[-0.4, +3.1]"``."""
    return f"[{points(interval.low)}, {points(interval.high)}]"
