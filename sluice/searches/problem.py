"""Problems: what a search varies, and what it makes smaller or larger."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np

from sluice.core.errors import ConfigError

State = Mapping[str, Any]
SENSES = ("min", "max")
Plain = str | int | float | bool | None


@runtime_checkable
class SearchProblem(Protocol):
    """Whatever can be searched: `Problem`, what a reader of files returns, or a caller's own."""

    @property
    def sense(self) -> str:
        """``"min"`` or ``"max"``."""
        ...

    @property
    def variables(self) -> Sequence[str]:
        """Names of all variables of a state."""
        ...

    def propose(self, rng: np.random.Generator) -> State:
        """Draw a state: a value of each variable, as JSON can hold it."""
        ...

    def evaluate(self, state: State) -> float | None:
        """Return the objective of a state; None, NaN, infinity or an exception where none is."""
        ...


@dataclass(frozen=True)
class Range:
    """A number from `low` to `high`, both included.

    ``integer=True`` for whole numbers; ``Range(0, 1, integer=True)`` is a binary variable.
    """

    low: float
    high: float
    integer: bool = False

    def __post_init__(self) -> None:
        ends = (self.low, self.high)
        if not all(_is_number(end) and math.isfinite(end) for end in ends) or self.low > self.high:
            raise ConfigError(f"{self} is no range; give two finite numbers, the smaller first.")
        if self.integer and any(end != int(end) for end in ends):
            raise ConfigError(f"{self} has an end that is no whole number; give whole ones.")

    def draw(self, rng: np.random.Generator) -> float | int:
        """Draw a value, all alike likely."""
        if self.integer:
            low, high = int(self.low), int(self.high)
            return min(high, low + math.floor(rng.random() * (high - low + 1)))
        return min(self.high, self.low + rng.random() * (self.high - self.low))

    def holds(self, value: Any) -> bool:
        """Whether a value lies in it."""
        if not _is_number(value) or (self.integer and value != int(value)):
            return False
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Choice:
    """One of some texts, numbers or truths."""

    values: Sequence[Plain]

    def __post_init__(self) -> None:
        if isinstance(self.values, str) or not len(self.values):
            raise ConfigError(f"{self} has no values to choose from; give a list.")
        for value in cast("Sequence[object]", self.values):
            if not isinstance(value, Plain) or value != value:
                raise ConfigError(
                    f"{value!r} is no text, number or truth; give names, and look up in the "
                    "objective what they stand for."
                )
        if len({(type(value), value) for value in self.values}) < len(self.values):
            raise ConfigError(f"{self} names a value twice; give each once.")

    def draw(self, rng: np.random.Generator) -> Plain:
        """Draw a value, all alike likely."""
        count = len(self.values)
        return self.values[min(count - 1, math.floor(rng.random() * count))]

    def holds(self, value: object) -> bool:
        """Whether a value is one of them."""
        return any(value == each and type(value) is type(each) for each in self.values)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(frozen=True)
class Problem:
    """A problem in Python.

    Attributes
    ----------
    space : mapping of str to Range or Choice
        What each variable may be; a list stands for a `Choice` of its values.
    objective : callable
        Takes a state (a dict of values by name) and returns a number. None, NaN, infinity or an
        exception: the state is not feasible, which is a trial like others.
    sense : str
        ``"min"`` or ``"max"``.

    Examples
    --------
    >>> import sluice
    >>> from sluice.searches import Problem, Range
    >>> problem = Problem({"x": Range(0, 9, integer=True)}, lambda state: (state["x"] - 3) ** 2)
    >>> sluice.search(problem, evaluations=50).solution
    {'x': 3}
    """

    space: Mapping[str, Range | Choice | Sequence[Plain]]
    objective: Callable[[dict[str, Any]], float | None]
    sense: str = "min"

    def __post_init__(self) -> None:
        given = cast("Mapping[object, object]", self.space)
        if not isinstance(given, Mapping) or not given:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError("space names no variable; give a Range or a Choice by name.")
        for name, of in given.items():
            if not isinstance(name, str) or not isinstance(of, Range | Choice | list):
                raise ConfigError(f"space has {of!r} at {name!r}; give a Range or a Choice.")
        if not callable(self.objective):
            raise ConfigError(f"objective is {self.objective!r}; give a function of a state.")
        space = {
            name: Choice(of) if isinstance(of, list) else of for name, of in self.space.items()
        }
        object.__setattr__(self, "space", space)

    @property
    def variables(self) -> Sequence[str]:
        """Names of the variables, in the order of `space`."""
        return list(self.space)

    def propose(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw each variable by itself."""
        return {name: of.draw(rng) for name, of in self.space.items()}  # pyright: ignore

    def evaluate(self, state: State) -> float | None:
        """Return the objective of a copy of the state."""
        return self.objective(dict(state))
