"""A search: draws a state, or draws again one variable of the best."""

from sluice.searches.contract import Search, is_better


class TwoArms:
    def __init__(self, problem):
        self._problem, self._best = problem, None

    def ask(self, step, rng):
        drawn = self._problem.propose(rng)
        if self._best is None or step % 2:
            return "draw", drawn
        name = str(rng.choice(self._problem.variables))
        return "change", {**self._best, name: drawn[name]}

    def tell(self, trial, best, rng):
        better = is_better(trial, best, self._problem.sense)
        if better:
            self._best = trial.state
        return float(better)


SEARCH = Search(
    name="two_arms",
    start=TwoArms,
    version="1",
    summary="Draws states, and changes one variable of the best in turn.",
    formula="state ~ propose(), or the best with one variable of such a state",
    paper="an example",
    cost="one evaluation a step",
)
