"""What every search takes and returns.

A search is asked for a state and told what it was worth (ask and tell). All that it remembers it
learns by being told, and all randomness of a step is keyed by (seed, step): so the trace alone
brings a search to where it was, and the same seed gives the same trace, resumed or not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from sluice.core.signatures import options_of
from sluice.searches.problem import State


@dataclass(frozen=True)
class Trial:
    """One step of a search.

    Attributes
    ----------
    step : int
        From 1.
    arm : str
        What made the state: the operator that a search chose among its own.
    state : mapping of str to value
    objective : float or None
        In the problem's own sense; None where there is none.
    reason : str
        Why there is none; empty where there is one.
    """

    step: int
    arm: str
    state: State
    objective: float | None
    reason: str = ""


def is_better(trial: Trial, best: Trial | None, sense: str) -> bool:
    """Whether a trial has an objective, and one that is strictly better than the best so far."""
    if trial.objective is None or best is None or best.objective is None:
        return trial.objective is not None
    return trial.objective < best.objective if sense == "min" else trial.objective > best.objective


class Searcher(Protocol):
    """One run of a search."""

    def ask(self, step: int, rng: np.random.Generator) -> tuple[str, State]:
        """Return an arm and the state that it makes.

        Parameters
        ----------
        step : int
        rng : Generator
            Of this seed and step.
        """
        ...

    def tell(self, trial: Trial, best: Trial | None, rng: np.random.Generator) -> float:
        """Learn of a trial and return the reward of its arm.

        Parameters
        ----------
        trial : Trial
            Of the state that was asked for, or of a trace that is resumed.
        best : Trial or None
            The best one before it.
        rng : Generator
            Of this seed and step, another one than that of `ask`.

        Returns
        -------
        float
            Finite.
        """
        ...


Start = Callable[..., Searcher]
"""``start(problem, **options) -> Searcher``."""


@dataclass(frozen=True)
class Search:
    """One registered method.

    Attributes
    ----------
    name : str
    start : callable
        ``start(problem, **options)`` returns a `Searcher`.
    version : str
        Changes whenever the same seed may give another trace.
    summary, formula, paper, cost : str
        For people: one line each.
    needs : frozenset of str
        Attributes that a problem must have beside those of `SearchProblem`.
    options : mapping of str to object
        Keyword-only parameters of `start` with their defaults.
    """

    name: str
    start: Start
    version: str
    summary: str
    formula: str
    paper: str
    cost: str
    needs: frozenset[str] = frozenset()
    options: Mapping[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", options_of(self.start))


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes
    ----------
    objective : float or None
        In the problem's own sense; None where no state had one.
    solution : dict or None
        The state that has it: the first of those that are equal.
    trials : list of dict
        One a step: ``step`` (from 1), ``arm``, ``reward``, ``objective`` (None where the state has
        none), ``best`` (the objective of the best state so far, None before the first), ``state``,
        ``reason``, ``method``, ``seed``.
    status : str
        ``"finished"``: all evaluations were made. ``"out of time"``: `seconds` ended it before.
        ``"no solution"``: as either, and no state had an objective.
    bound : float or None
        No objective is better, where the problem knows of one.
    """

    objective: float | None
    solution: dict[str, Any] | None
    trials: list[dict[str, Any]]
    status: str
    bound: float | None = None
