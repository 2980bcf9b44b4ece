"""Searches and readers of problems by name, by the entry points of ours and of other packages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from sluice.core.errors import DataError, UnknownNameError
from sluice.core.registry import each, load, names
from sluice.searches.contract import Search
from sluice.searches.problem import SearchProblem

GROUP = "sluice.searches"
PROBLEMS = "sluice.problems"


@dataclass(frozen=True)
class ProblemReader:
    """One registered form of files that hold a problem.

    Attributes
    ----------
    name : str
    suffixes : sequence of str
        How the names of its files end, in lower case, such as ``".mps.gz"``.
    read : callable
        Takes the path of a file and returns its problem.
    """

    name: str
    suffixes: Sequence[str]
    read: Callable[[Path], SearchProblem]


def search_method(name: str) -> Search:
    """Look a search up.

    Raises
    ------
    UnknownNameError
        There is no such search; the message names the nearest.
    """
    if name not in names(GROUP):
        raise UnknownNameError.of("search", name, names(GROUP))
    return cast("Search", load(GROUP, name))


def searches() -> list[Search]:
    """Every search, in the order of the registry."""
    return [cast("Search", found) for _, found in each(GROUP)]


def read_problem(path: Path) -> SearchProblem:
    """Read a problem from a file, by the reader that its name ends for.

    Raises
    ------
    DataError
        There is no such file, or no reader for it; the message names those there are.
    """
    readers = [cast("ProblemReader", found) for _, found in each(PROBLEMS)]
    if not path.is_file():
        raise DataError(f"There is no file {path}. Give the path of a problem.")
    fitting = [
        (len(suffix), reader)
        for reader in readers
        for suffix in reader.suffixes
        if path.name.lower().endswith(suffix)
    ]
    if not fitting:
        known = "; ".join(f"{reader.name} ({', '.join(reader.suffixes)})" for reader in readers)
        raise DataError(
            f"No reader for {path}. Registered readers of problems: {known or 'none'}. Install "
            f"one (entry points {PROBLEMS}), or describe the problem in Python, see "
            "sluice.searches.Problem."
        )
    return max(fitting, key=lambda each: each[0])[1].read(path)
