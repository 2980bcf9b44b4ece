"""Local search over subsets: swap a few rows, train, keep what is better."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
ABOVE = 0.25
"""What passing the reference is worth, of what falling short of it costs (ours)."""
HOPELESS = 0.015


@dataclass
class State:
    """All that a search has to remember between two stretches.

    Attributes
    ----------
    kept : ndarray of int64, shape (b,)
    since : ndarray of int64, shape (b,)
        Trial that put each row in; 0 for those of the start.
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
    consumers : sequence of Consumer
    references : ndarray of float64, shape (len(consumers),)
        What each consumer reaches when it is trained on all rows.
    seed : int
    """

    ground: Ground
    n_classes: int
    worth: NDArray[np.float64]
    consumers: Sequence[Consumer]
    references: NDArray[np.float64]
    seed: int

    def view(self, stretch: int) -> tuple[View, NDArray[np.int64]]:
        """Return what one stretch looks at, and the positions of its judged rows."""
        n = len(self.ground.labels)
        judged = np.arange(n)
        if n > JUDGED:
            draw = np.random.default_rng([self.seed, 1, stretch])
            judged = np.sort(draw.choice(n, JUDGED, replace=False))
        rows = self.ground.rows
        return View(
            rows, self.ground.labels, self.n_classes, rows[judged], self.worth[judged]
        ), judged

    def merit(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what each consumer's value is worth, relative to training on all rows."""
        ratio = values / self.references
        return np.minimum(ratio, 1.0) + ABOVE * np.maximum(ratio - 1.0, 0.0)


class Standing:
    """The consumers as they are trained on the present subset."""

    def __init__(self, problem: Problem, stretch: int, kept: NDArray[np.int64]) -> None:
        self.problem = problem
        self.view, self.judged = problem.view(stretch)
        self.answers = [c.start(self.view, kept, stretch) for c in problem.consumers]
        values = np.array([self.view.value(answer) for answer in self.answers])
        self.merits = problem.merit(values)
        self.best = self.view.worth.max(axis=1)
        self._measure(kept)

    @property
    def value(self) -> float:
        """Mean merit of the consumers."""
        return float(self.merits.mean())

    def attempt(
        self, slots: NDArray[np.int64], rows: NDArray[np.int64], kept: NDArray[np.int64]
    ) -> bool:
        """Train on the changed subset, and stay with it where it is better."""
        answers: list[NDArray[np.int64]] = []
        commits: list[Commit] = []
        merits = self.merits.copy()
        for place, consumer in enumerate(self.problem.consumers):
            answer, commit = consumer.trial(slots, rows, kept)
            answers.append(answer)
            commits.append(commit)
            value = np.array([self.view.value(answer)])
            references = self.problem.references[place : place + 1]
            ratio = value / references
            merits[place] = (np.minimum(ratio, 1) + ABOVE * np.maximum(ratio - 1, 0))[0]
            if (merits - self.merits).sum() < -HOPELESS * (len(merits) - 1 - place):
                return False
        if merits.mean() <= self.value:
            return False
        for commit in commits:
            commit()
        self.answers, self.merits = answers, merits
        self._measure(kept)
        return True

    def _measure(self, kept: NDArray[np.int64]) -> None:
        at = np.arange(len(self.judged))
        got = np.mean([self.view.worth[at, answer] for answer in self.answers], axis=0)
        self.loss = np.maximum(self.best - got, 0.0)
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
        Told the state after each stretch.
    advance : callable
        Told the number of trials made.

    Returns
    -------
    State
    """
    while state.done < evaluations:
        stretch, end = state.done // STRETCH, min(state.done + STRETCH, evaluations)
        standing = Standing(problem, stretch, state.kept)
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
        between(state)
    return state
