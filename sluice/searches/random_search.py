"""Random search: draw states and keep the best."""

from __future__ import annotations

import numpy as np

from sluice.searches.contract import Search, Trial, is_better
from sluice.searches.problem import SearchProblem, State


class RandomSearch:
    """Draws each state anew."""

    def __init__(self, problem: SearchProblem) -> None:
        self._problem = problem

    def ask(self, step: int, rng: np.random.Generator) -> tuple[str, State]:
        """Draw a state."""
        return "random", self._problem.propose(rng)

    def tell(self, trial: Trial, best: Trial | None, rng: np.random.Generator) -> float:
        """Return 1 where the trial is the best so far, else 0."""
        return float(is_better(trial, best, self._problem.sense))


SEARCH = Search(
    name="random",
    start=RandomSearch,
    version="1",
    summary="Draws every state anew: the control to beat.",
    formula="state ~ propose()",
    paper="Bergstra and Bengio 2012, Random Search for Hyper-Parameter Optimization",
    cost="one evaluation a step",
)
