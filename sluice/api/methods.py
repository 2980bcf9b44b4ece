"""What there is, for people and for programs."""

from __future__ import annotations

from dataclasses import fields

from sluice.choices.contract import Chooser
from sluice.choices.registry import choosers_for
from sluice.searches.contract import Search
from sluice.searches.registry import searches as every_search
from sluice.subsets.contract import Selector
from sluice.subsets.queries.registry import STRATEGIES
from sluice.subsets.registry import SELECTORS, selectors_for


def methods(task: str | None = None) -> list[dict[str, object]]:
    """Describe every selector, or those of one task.

    Returns
    -------
    list of dict
        With the keys kind (``"selector"``), name, tasks, needs, stochastic, nested, class_floor,
        sized, cost, paper, formula, summary and options.

    Raises
    ------
    UnknownNameError
        No selector belongs to such a task.
    """
    return [_described(each) for each in (selectors_for(task) if task else SELECTORS.values())]


def query_strategies() -> list[dict[str, object]]:
    """Describe every strategy that asks for labels, in the order of the survey's tree.

    Returns
    -------
    list of dict
        The keys of `methods`, and family: where the strategy stands in the tree.
    """
    return [_described(each) | {"family": list(each.family)} for each in STRATEGIES.values()]


def choosers(task: str | None = None) -> list[dict[str, object]]:
    """Describe every chooser, or those of one task: with their kind (``"chooser"``) and card.

    Raises
    ------
    UnknownNameError
        No chooser belongs to such a task.
    """
    return [_card("chooser", each) for each in choosers_for(task)]


def searches() -> list[dict[str, object]]:
    """Describe every search: with its kind (``"search"``) and card."""
    return [_card("search", each) for each in every_search()]


def _card(kind: str, method: Chooser | Search) -> dict[str, object]:
    said: dict[str, object] = {"kind": kind}
    for name in (field.name for field in fields(method)):
        value = getattr(method, name)
        if not callable(value):
            said[name] = sorted(value) if isinstance(value, frozenset) else value
    return said


def _described(method: Selector) -> dict[str, object]:
    return {
        "kind": "selector",
        "name": method.name,
        "tasks": sorted(method.tasks),
        "needs": sorted(method.needs),
        "stochastic": method.stochastic,
        "nested": method.nested,
        "class_floor": method.class_floor,
        "sized": method.sized,
        "cost": method.cost,
        "paper": method.paper,
        "formula": method.formula,
        "summary": method.summary,
        "options": dict(method.options),
    }
