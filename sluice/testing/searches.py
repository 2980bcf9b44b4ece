"""The suite of searches."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sluice.core.errors import DataError, UnknownNameError
from sluice.core.signatures import options_of
from sluice.searches.contract import Search, SearchResult
from sluice.searches.problem import Choice, Problem, Range
from sluice.searches.runner import run


def check_search(
    method: Search,
    problems: Iterable[Problem] | None = None,
    evaluations: int = 24,
    **options: Any,
) -> None:
    """Check that a search keeps its contract.

    The same trace for the same seed; the trace of fewer evaluations, of a limit in seconds and of
    a run that was resumed, from a list or from a file that was cut in the middle of a line, is the
    beginning of the whole one, and nothing is evaluated twice; states name every variable, within
    its range; a state without an objective is a trial with its reason and not the end; the best is
    the first of the best; rewards are finite; whether the objective or its negative is looked for
    at its least or most makes no difference; options as the signature says.

    Parameters
    ----------
    method : Search
    problems : iterable of Problem, optional
        By default `example_problems`. Those that a method cannot read are none of its own.
    evaluations : int
        How long each trace is.
    **options
        Of the method.

    Raises
    ------
    AssertionError
        It does not, and how.
    """
    for name in ("name", "version", "summary", "formula", "paper", "cost"):
        _expect(bool(getattr(method, name)), method, f"its card has no {name}.")
    own = options_of(method.start)
    _expect(dict(method.options) == own, method, "its options are not those of its signature.")
    for problem in example_problems() if problems is None else problems:
        _check_on(method, problem, evaluations, options)


def example_problems() -> list[Problem]:
    """Make problems of each kind of variable, some of whose states have no objective."""

    def failing(state: dict[str, Any]) -> float | None:
        if state["a"] < 2:
            raise ValueError("a is too small")
        return {2: float("nan"), 3: None, 4: float("inf")}.get(state["a"], state["a"] + state["b"])

    return [
        Problem({"x": Range(-1, 2), "y": Range(5, 5)}, lambda s: (s["x"] - 1) ** 2 + s["y"]),
        Problem({f"b{k}": Range(0, 1, integer=True) for k in range(6)}, lambda s: sum(s.values())),
        Problem({"a": Range(0, 9, integer=True), "b": Range(0, 1)}, failing, sense="max"),
        Problem({"kind": Choice(["u", "v", 3, None, True])}, lambda s: len(str(s["kind"]))),
        Problem({"x": Range(0, 1)}, lambda s: None),
    ]


def _expect(holds: bool, method: Search, what: str) -> None:
    if not holds:
        raise AssertionError(f"The search {method.name}: {what}")


def _check_on(method: Search, problem: Problem, evaluations: int, options: dict[str, Any]) -> None:
    counted = _Counted(problem.objective)
    watched = replace(problem, objective=counted)

    def made(n: int = evaluations, seed: int = 3, **more: Any) -> SearchResult:
        return run(method, watched, n, seed, **more, **options)

    whole = made()
    _check_trials(method, problem, whole, evaluations)
    _expect(counted.times == evaluations, method, "it evaluates other states than those it says.")
    _expect(made() == whole, method, "the same seed gives another trace.")
    half = evaluations // 2
    _expect(made(half).trials == whole.trials[:half], method, "fewer evaluations, another trace.")
    timed = made(seconds=1e-9).trials
    _expect(timed == whole.trials[: len(timed)], method, "a limit in seconds changes the trace.")
    counted.times = 0
    _expect(made(resume=whole.trials[:half]) == whole, method, "resumed, it goes another way.")
    _expect(counted.times == evaluations - half, method, "resumed, it evaluates states again.")
    with TemporaryDirectory() as folder:
        file = Path(folder) / "trace.jsonl"
        made(half, resume=file)
        file.write_bytes(file.read_bytes()[:-3])
        _expect(made(resume=file) == whole, method, "resumed from a cut file, it differs.")
        counted.times = 0
        _expect(made(resume=str(file)) == whole, method, "its file does not hold the trace.")
        _expect(counted.times == 0, method, "it evaluates what its file holds.")
    _check_refusals(method, made, whole)
    other = "max" if problem.sense == "min" else "min"
    negative = replace(problem, objective=_Negative(problem), sense=other)
    turned = run(method, negative, evaluations, 3, **options)
    same = [trial["state"] for trial in turned.trials] == [t["state"] for t in whole.trials]
    _expect(same, method, "the negative, the other way round, is another trace.")


def _check_refusals(method: Search, made: Callable[..., Any], whole: SearchResult) -> None:
    other_seed = [{**trial, "seed": 4} for trial in whole.trials]
    for error, more in (
        (UnknownNameError, {"no_such_option": 1}),
        (DataError, {"resume": other_seed}),
        (DataError, {"resume": whole.trials[1:]}),
    ):
        try:
            made(**more)
        except error:
            continue
        raise AssertionError(
            f"The search {method.name}: it takes {next(iter(more))} that is wrong."
        )


def _check_trials(method: Search, problem: Problem, made: SearchResult, evaluations: int) -> None:
    steps = [trial["step"] for trial in made.trials]
    _expect(steps == list(range(1, evaluations + 1)), method, "steps are missing.")
    best: float | None = None
    at: dict[str, Any] | None = None
    sign = 1 if problem.sense == "min" else -1
    for trial in made.trials:
        value, state = trial["objective"], trial["state"]
        _expect(list(state) == list(problem.variables), method, "a state lacks a variable.")
        for name, of in problem.space.items():
            _expect(of.holds(state[name]), method, f"{name} leaves its range.")  # pyright: ignore
        _expect(bool(trial["arm"]), method, "a trial names no arm.")
        _expect(math.isfinite(trial["reward"]), method, "a reward is not finite.")
        _expect((value is None) == bool(trial["reason"]), method, "a failure has no reason.")
        if value is not None and (best is None or sign * value < sign * best):
            best, at = value, state
        _expect(trial["best"] == best, method, "the best so far is another one.")
    _expect((made.objective, made.solution) == (best, at), method, "its result is not the best.")
    solved = made.status == ("no solution" if best is None else "finished")
    _expect(solved, method, f"its status is {made.status}.")


class _Counted:
    """Counts how often an objective is looked at."""

    def __init__(self, objective: Callable[[dict[str, Any]], float | None]) -> None:
        self.objective, self.times = objective, 0

    def __call__(self, state: dict[str, Any]) -> float | None:
        self.times += 1
        return self.objective(state)


class _Negative:
    """The objective with its sign turned."""

    def __init__(self, problem: Problem) -> None:
        self.objective = problem.objective

    def __call__(self, state: dict[str, Any]) -> float | None:
        value = self.objective(state)
        return None if value is None else -value
