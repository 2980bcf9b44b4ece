"""Searches: the best state that so many evaluations find, with the trace of every trial.

``sluice.searches.Problem``, ``Range`` and ``Choice`` describe a problem in Python.
"""

from sluice.searches.problem import Choice, Problem, Range

__all__ = ["Choice", "Problem", "Range"]
