"""What there is, for people and for programs."""

from __future__ import annotations

from sluice.subsets.contract import Selector
from sluice.subsets.queries.registry import STRATEGIES
from sluice.subsets.registry import SELECTORS, selectors_for


def methods(task: str | None = None) -> list[dict[str, object]]:
    """Describe every selector, or those of one task.

    Returns
    -------
    list of dict
        With the keys name, tasks, needs, stochastic, nested, class_floor, sized, cost, paper,
        formula, summary and options.

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


def _described(method: Selector) -> dict[str, object]:
    return {
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
