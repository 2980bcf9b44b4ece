"""Local search over subsets: swap a few rows, train, keep what is better."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sluice.subsets.search.consumers import Commit, Consumer
from sluice.subsets.search.nearest import OneNearestNeighbour
from sluice.subsets.search.proposals import Ground, Luck, propose
from sluice.subsets.search.view import View

STRETCH = 200
"""Trials under one set of judged rows and one seed of the trees."""
JUDGED = 3000
"""Training rows that a stretch judges by, at most."""
CROSSED = 2000
"""Rows between them that a stretch judges by."""
ABOVE = 0.25
"""What passing the reference is worth, of what falling short of it costs (ours)."""
HOPELESS = 0.015
FRESH = 3


@dataclass
class State:
    """All that a search has to remember between two stretches.

    Attributes
    ----------
    kept : ndarray of int64, shape (b,)
        Where the climb is.
    since : ndarray of int64, shape (b,)
        Trial that put each row in; 0 for those of the start.
    best : ndarray of int64, shape (b,)
        Best subset so far, by rows and trees that it was not changed for.
    done : int
        Trials made.
    luck : Luck
    values : list of float
        Value of the subset at the end of each stretch.
    start : str
        What the search began from, for people.
    """

    kept: NDArray[np.int64]
    since: NDArray[np.int64]
    best: NDArray[np.int64]
    done: int = 0
    luck: Luck = field(default_factory=Luck)
    values: list[float] = field(default_factory=list)
    start: str = ""


@dataclass(frozen=True)
class Problem:
    """What is searched for.

    Attributes
    ----------
    ground : Ground
    n_classes : int
    worth : ndarray of float64, shape (n, C)
        See `View.worth`, for all rows.
    between : ndarray of float32, shape (m, d)
        Rows between rows, see `crossed`; none are kept.
    between_worth : ndarray of float64, shape (m, C)
    consumers : sequence of Consumer
    confirming : sequence of Consumer
        More of the same names, asked only where the consumers like a change.
    references : mapping of str to float
        What each name reaches when it is trained on all rows.
    seed : int
    """

    ground: Ground
    n_classes: int
    worth: NDArray[np.float64]
    between: NDArray[np.float32]
    between_worth: NDArray[np.float64]
    consumers: Sequence[Consumer]
    confirming: Sequence[Consumer]
    references: Mapping[str, float]
    seed: int

    def view(self, stretch: int) -> tuple[View, NDArray[np.int64]]:
        """Return what one stretch looks at, and the positions of its judged training rows.

        The judged rows that are no training rows come after these.
        """
        draw = np.random.default_rng([self.seed, 1, stretch])
        judged = _some(len(self.ground.labels), JUDGED, draw)
        also = _some(len(self.between), CROSSED, draw)
        rows = self.ground.rows
        view = View(
            rows,
            self.ground.labels,
            self.n_classes,
            np.vstack([rows[judged], self.between[also]]),
            np.vstack([self.worth[judged], self.between_worth[also]]),
        )
        return view, judged


def merit(share: float) -> float:
    """Return what a share of the reference is worth: all of it up to 1, little beyond."""
    return min(share, 1.0) + ABOVE * max(share - 1.0, 0.0)


def _some(count: int, most: int, draw: np.random.Generator) -> NDArray[np.int64]:
    """Draw at most so many of the first integers; ascending."""
    if count <= most:
        return np.arange(count)
    return np.sort(draw.choice(count, most, replace=False)).astype(np.int64)


class Standing:
    """The consumers as they are trained on the present subset.

    Attributes
    ----------
    merits : ndarray of float64
        Of the consumers, then of those who confirm.
    weights : ndarray of float64
        What each counts in `value`: consumers of one name share their places.
    """

    def __init__(self, problem: Problem, stretch: int, kept: NDArray[np.int64]) -> None:
        self.problem = problem
        self.view, self.judged = problem.view(stretch)
        self.all = [*problem.consumers, *problem.confirming]
        self.first = len(problem.consumers)
        names = [consumer.name for consumer in self.all]
        screening = names[: self.first]
        places = [screening.count(name) / names.count(name) for name in names]
        self.weights = np.array(places) / self.first
        seed = stretch % 2**20
        self.answers = [c.start(self.view, kept, seed) for c in self.all]
        self.merits = np.array([self._merit(i, answer) for i, answer in enumerate(self.answers)])
        self._measure(kept)

    @property
    def value(self) -> float:
        """Weighted mean merit."""
        return float(self.weights @ self.merits)

    def attempt(
        self, slots: NDArray[np.int64], rows: NDArray[np.int64], kept: NDArray[np.int64]
    ) -> bool:
        """Train on the changed subset, and stay with it where it is better.

        The consumers are asked first, and it ends where those left can hardly make up for what
        is lost. Where they like the change, the others of their kind have to confirm it: one
        tree more or less is luck.
        """
        answers: list[NDArray[np.int64]] = []
        commits: list[Commit] = []
        merits = self.merits.copy()
        for place, consumer in enumerate(self.all):
            answer, commit = consumer.trial(slots, rows, kept)
            answers.append(answer)
            commits.append(commit)
            merits[place] = self._merit(place, answer)
            gained = merits - self.merits
            left = self.first - 1 - place
            if left > 0 and gained.sum() < -HOPELESS * left:
                return False
            if left == 0 and gained.sum() <= 0:
                return False
        if self.weights @ merits <= self.value:
            return False
        for commit in commits:
            commit()
        self.answers, self.merits = answers, merits
        self._measure(kept)
        return True

    def _merit(self, place: int, answer: NDArray[np.int64]) -> float:
        return merit(self.view.value(answer) / self.problem.references[self.all[place].name])

    def _measure(self, kept: NDArray[np.int64]) -> None:
        at = np.arange(len(self.judged))
        worth = self.view.worth[at]
        got = np.mean([worth[at, answer[at]] for answer in self.answers], axis=0)
        self.loss = np.maximum(worth.max(axis=1) - got, 0.0)
        self.followers = np.zeros(len(kept), dtype=np.int64)
        for consumer in self.problem.consumers:
            if isinstance(consumer, OneNearestNeighbour):
                self.followers = consumer.followers(len(kept))


def climb(
    problem: Problem,
    state: State,
    evaluations: int,
    between: Callable[[State], None],
    advance: Callable[[int], None],
) -> State:
    """Try swaps up to a number of evaluations, from wherever the state is.

    The trial number keys the randomness, and nothing but `state` passes from one stretch to the
    next: a search that was stopped between two stretches goes on as if it had not been.

    Parameters
    ----------
    problem : Problem
    state : State
        Changed in place.
    evaluations : int
    between : callable
        Told the state after each whole stretch.
    advance : callable
        Told the number of trials made.

    Returns
    -------
    State
    """
    while state.done < evaluations:
        stretch, end = state.done // STRETCH, min(state.done + STRETCH, evaluations)
        standing = Standing(problem, stretch, state.kept)
        # neither was changed for what this stretch looks at
        if standing.value >= Standing(problem, stretch, state.best).value:
            state.best = state.kept.copy()
        while state.done < end:
            rng = np.random.default_rng([problem.seed, 2, state.done])
            swap = propose(
                problem.ground, state.kept, standing.judged, standing.loss,
                standing.followers, state.luck, rng,
            )  # fmt: skip
            state.done += 1
            advance(1)
            if swap is None:
                continue
            kept = state.kept.copy()
            kept[swap.slots] = swap.rows
            better = standing.attempt(swap.slots, swap.rows, kept)
            state.luck.note(swap.move, better)
            if better:
                state.kept = kept
                state.since[swap.slots] = state.done
        state.values.append(standing.value)
        if state.done % STRETCH == 0:
            between(state)
    return state


def fresh_value(problem: Problem, kept: NDArray[np.int64]) -> float:
    """Return the mean value over `FRESH` stretches that no climb gets to."""
    stretches = range(2**31, 2**31 + FRESH)
    return float(np.mean([Standing(problem, stretch, kept).value for stretch in stretches]))
