"""The suite of searches passes what keeps the contract, and fails what breaks any part of it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sluice.searches.contract import Search, Trial
from sluice.searches.random_search import RandomSearch
from sluice.searches.registry import search_method, searches
from sluice.testing import check_search


@pytest.mark.parametrize("method", searches(), ids=lambda method: method.name)
def test_every_search_keeps_the_contract(method: Search) -> None:
    check_search(method)


class NearTheBest(RandomSearch):
    """Learns: it varies one variable of the best state so far."""

    def __init__(self, problem: Any) -> None:
        super().__init__(problem)
        self.best: Any = None

    def ask(self, step: int, rng: np.random.Generator) -> tuple[str, Any]:
        drawn = dict(self._problem.propose(rng))
        if self.best is None:
            return "draw", drawn
        name = sorted(drawn)[int(rng.integers(len(drawn)))]
        return "vary", {**self.best, name: drawn[name]}

    def tell(self, trial: Trial, best: Trial | None, rng: np.random.Generator) -> float:
        reward = super().tell(trial, best, rng)
        if reward:
            self.best = trial.state
        return reward


class NotTold(NearTheBest):
    """Remembers what it asked: a trace alone does not bring it back."""

    count = 0

    def ask(self, step: int, rng: np.random.Generator) -> tuple[str, Any]:
        self.count += 1
        return super().ask(self.count, np.random.default_rng(self.count))


class Clock(RandomSearch):
    def ask(self, step: int, rng: np.random.Generator) -> tuple[str, Any]:
        return super().ask(step, np.random.default_rng())


class Minimal(NearTheBest):
    """Takes every problem for one of the least."""

    def tell(self, trial: Trial, best: Trial | None, rng: np.random.Generator) -> float:
        low = trial.objective is not None and (best is None or trial.objective < best.objective)
        if low:
            self.best = trial.state
        return float(low)


class Unrewarded(RandomSearch):
    def tell(self, trial: Trial, best: Trial | None, rng: np.random.Generator) -> float:
        return float("nan")


class Outside(RandomSearch):
    def ask(self, step: int, rng: np.random.Generator) -> tuple[str, Any]:
        return "out", dict.fromkeys(self._problem.variables, 1000)


class Anonymous(RandomSearch):
    def ask(self, step: int, rng: np.random.Generator) -> tuple[str, Any]:
        return "", self._problem.propose(rng)


class Short(RandomSearch):
    def ask(self, step: int, rng: np.random.Generator) -> tuple[str, Any]:
        return "short", {}


def of(start: Any, **changes: Any) -> Search:
    return replace(search_method("random"), name="faulty", start=start, **changes)


def test_a_search_that_learns_keeps_it_too() -> None:
    check_search(of(NearTheBest))


@pytest.mark.parametrize(
    ("method", "said"),
    [
        (of(NotTold), "resumed"),
        (of(Clock), "the same seed"),
        (of(Minimal), "other way round"),
        (of(Unrewarded), "the reward nan"),
        (of(Outside), "leaves its range"),
        (of(Anonymous), "names no arm"),
        (of(Short), "every variable"),
        (of(RandomSearch, formula=""), "no formula"),
    ],
)
def test_what_breaks_the_contract_is_found(method: Search, said: str) -> None:
    with pytest.raises((AssertionError, RuntimeError), match=said):
        check_search(method)
