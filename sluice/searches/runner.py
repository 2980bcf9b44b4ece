"""The validating shell around every search: it keys, evaluates, limits, records and resumes."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from sluice.core.errors import ConfigError, UnknownNameError, reason_of
from sluice.core.progress import track
from sluice.searches.contract import Search, SearchResult, Trial, is_better
from sluice.searches.problem import SENSES, SearchProblem, State
from sluice.searches.registry import read_problem, search_method
from sluice.searches.trace import checked_trace, trace_file

Row = dict[str, Any]


def search(
    problem: SearchProblem | str | Path,
    *,
    method: str = "random",
    evaluations: int = 100,
    seed: int = 0,
    seconds: float | None = None,
    resume: str | Path | Sequence[Mapping[str, Any]] | None = None,
    **options: Any,
) -> SearchResult:
    """Look for the best state of a problem.

    Parameters
    ----------
    problem : SearchProblem or path
        A `sluice.searches.Problem`, whatever else has its methods, or a file of which some
        package registers a reader.
    method : str
        A search; `sluice.methods` lists them.
    evaluations : int
        How many states are evaluated in all, those of `resume` among them.
    seed : int
        With the step, all randomness: the same seed gives the same trace.
    seconds : float, optional
        Stop after so long, too: how far a trace then goes depends on the machine.
    resume : path or list of dict, optional
        Trials of before, which are not evaluated again. A file is read where it is there and gets
        each new trial, so a run that was killed goes on where it was.
    **options
        Of the method.

    Returns
    -------
    SearchResult

    Raises
    ------
    ConfigError
        The method, a limit, the seed, an option or the problem is wrong.
    DataError
        `resume` is no trace of this problem, method and seed.
    """
    chosen = search_method(method)
    if isinstance(problem, str | Path):
        problem = read_problem(Path(problem))
    return run(chosen, problem, evaluations, seed, seconds=seconds, resume=resume, **options)


def run(
    method: Search,
    problem: SearchProblem,
    evaluations: int,
    seed: int,
    *,
    seconds: float | None = None,
    resume: str | Path | Sequence[Mapping[str, Any]] | None = None,
    **options: Any,
) -> SearchResult:
    """Run one method, see `search`."""
    _check(method, problem, evaluations, seed, seconds, options)
    rows: list[Row] = []
    best: Trial | None = None
    status, began = "finished", time.monotonic()
    with ExitStack() as stack:
        advance = stack.enter_context(track(f"searching by {method.name}", evaluations))
        given, write = resume or [], None
        if isinstance(given, str | Path):
            given, write = stack.enter_context(trace_file(Path(given)))
        known = checked_trace(given, problem, method.name, int(seed))
        searcher = method.start(problem, **{**method.options, **options})
        for step in range(1, evaluations + 1):
            ask_rng, tell_rng = (np.random.default_rng([int(seed), step, part]) for part in (0, 1))
            if step <= len(known):
                trial = known[step - 1]
            elif seconds is not None and time.monotonic() - began >= seconds:
                status = "out of time"
                break
            else:
                trial = _tried(method, problem, step, *searcher.ask(step, ask_rng))
            reward = float(searcher.tell(trial, best, tell_rng))
            if not math.isfinite(reward):
                raise RuntimeError(f"{method.name} gave step {step} the reward {reward}.")
            best = trial if is_better(trial, best, problem.sense) else best
            rows.append(_row(trial, reward, best, method.name, int(seed)))
            if write is not None and step > len(known):
                write(rows[-1])
            advance()
    return SearchResult(
        None if best is None else best.objective,
        None if best is None else dict(best.state),
        rows,
        status if best is not None else "no solution",
        getattr(problem, "bound", None),
    )


def _check(
    method: Search,
    problem: Any,
    evaluations: object,
    seed: object,
    seconds: object,
    options: Mapping[str, Any],
) -> None:
    for name in options:
        if name not in method.options:
            raise UnknownNameError.of(f"option of {method.name}", name, list(method.options))
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or int(seed) < 0:  # pyright: ignore
        raise ConfigError(f"seed is {seed!r}; give an integer from 0.")
    whole = hasattr(evaluations, "__index__") and not isinstance(evaluations, bool)
    if not whole or int(evaluations) < 1:  # pyright: ignore
        raise ConfigError(f"evaluations is {evaluations!r}; give how many states, from 1.")
    if seconds is not None and not (
        isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds > 0
    ):
        raise ConfigError(f"seconds is {seconds!r}; give a positive number, or None for no limit.")
    lacking = [
        name
        for name in ("sense", "variables", "propose", "evaluate", *sorted(method.needs))
        if not hasattr(problem, name)
    ]
    if lacking:
        raise ConfigError(
            f"The problem is a {type(problem).__name__} without {', '.join(lacking)}, which "
            f"{method.name} needs; give a sluice.searches.Problem, or an object that has them."
        )
    if problem.sense not in SENSES:
        raise ConfigError(f"The problem's sense is {problem.sense!r}; give 'min' or 'max'.")


def _tried(method: Search, problem: SearchProblem, step: int, arm: str, state: State) -> Trial:
    """Evaluate a state: whatever goes wrong with it is a trial, not the end."""
    if set(state) != set(problem.variables):
        raise RuntimeError(f"{method.name} made a state that does not name every variable.")
    objective, reason = None, ""
    try:
        value = problem.evaluate(dict(state))
        if value is None:
            reason = "the objective is None"
        elif not math.isfinite(value):
            reason = f"the objective is {float(value)}"
        else:
            objective = float(value)
    except Exception as error:
        reason = reason_of(error)
    return Trial(step, arm, dict(state), objective, reason)


def _row(trial: Trial, reward: float, best: Trial | None, method: str, seed: int) -> Row:
    return {
        "step": trial.step,
        "arm": trial.arm,
        "reward": reward,
        "objective": trial.objective,
        "best": None if best is None else best.objective,
        "state": dict(trial.state),
        "reason": trial.reason,
        "method": method,
        "seed": seed,
    }
