"""Class balancing: another strategy in each predicted class, the rarest classes first.

As small-text's wrapper of that name does; how places are shared out is ours.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.queries.wrapped import joined, pick_by


def balanced_sequence(
    known: NDArray[np.int64], there: NDArray[np.int64], count: int
) -> NDArray[np.int64]:
    """Class that gets each place: the one with fewest rows so far, if it has any left.

    Parameters
    ----------
    known : ndarray of int64, shape (C,)
        Labelled rows of each class.
    there : ndarray of int64, shape (C,)
        Unlabelled rows predicted to be of each class.
    count : int
        At most ``there.sum()``.

    Returns
    -------
    ndarray of int64, shape (count,)
        Ties go to the lower class.
    """
    have, left = known.astype(np.float64), there.copy()
    awarded = np.empty(count, dtype=np.int64)
    for place in range(count):
        awarded[place] = np.where(left > 0, have, np.inf).argmin()
        have[awarded[place]] += 1
        left[awarded[place]] -= 1
    return awarded


def _core(pool: Pool, budget: int, seed: int, *, base: str = "margin") -> Picks:
    """Share the places out among predicted classes, and let the base pick in each."""
    assert pool.answers is not None
    assert pool.answers.probabilities is not None
    assert pool.labelled is not None
    predicted = pool.answers.probabilities.argmax(axis=1)
    classes = pool.answers.probabilities.shape[1]
    known = np.bincount(pool.labelled.labels, minlength=classes)
    there = np.bincount(predicted, minlength=classes)
    awarded = balanced_sequence(known, there, budget)
    places: list[NDArray[np.int64]] = []
    picked: list[Picks] = []
    for label in np.unique(awarded).tolist():
        at = np.flatnonzero(predicted == label)
        place = np.flatnonzero(awarded == label)
        part = replace(pool.of(at), graph=None)
        inside = pick_by(base, part, len(place), seed, "class_balancer")
        places.append(place)
        picked.append(replace(inside, positions=at[inside.positions]))
    whole, order = joined(picked), np.argsort(np.concatenate(places))
    return Picks(
        whole.positions[order],
        whole.gains[order],
        [whole.reasons[i] for i in order.tolist()],
        whole.note,
    )


SELECTOR = Selector(
    name="class_balancer",
    core=_core,
    version="1",
    needs=frozenset({"labelled", "answers:probabilities"}),
    tasks=frozenset({"text"}),
    stochastic=True,
    nested=False,
    class_floor=False,
    summary="Another strategy in each predicted class, so that labels become balanced.",
    formula="base in the class of fewest labels, place by place",
    paper="small-text, ClassBalancer; the shares are ours",
    cost="the base, once a class",
    options={"base": "margin"},
    family=("wrapper",),
    passes_on=True,
)
