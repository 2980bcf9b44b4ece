"""Every task's lineage, loaded: its own, or one of the stages that all tasks share."""

from typing import Any

from assets.lineage.inputs import selector_may_read
from assets.lineage.registry import LINEAGES, lineage_of
from assets.lineage.task import Lineage, Task, lineage
from assets.stages.champion import champion
from assets.stages.comparison import comparison
from assets.stages.embeddings import embeddings
from assets.stages.estimate import estimate
from assets.stages.evaluations import evaluation
from assets.stages.graphs import knn
from assets.stages.instances import instances
from assets.stages.map import flat_map
from assets.stages.model import model
from assets.stages.report import report
from assets.stages.scores import out_of_fold, score_stage
from assets.stages.subsets import subset
from sluice.core import registry
from sluice.core.errors import ConfigError, reason_of
from sluice.data.config import TASKS
from sluice.evaluation.learner import LEARNERS
from sluice.scores.registry import SCORES
from sluice.subsets.registry import selectors_for

__all__ = ["LINEAGES", "lineage_of"]

GROUP = "sluice.lineages"
"""Group of entry points of lineages: of tasks that have stages of their own."""


def shared_lineage(name: str) -> Lineage:
    """Return the lineage of a task that has no stage of its own.

    Raises
    ------
    ConfigError
        One of its selectors reads what no shared stage makes.
    """
    spec: Any = registry.load(TASKS, name)
    learner: Any = registry.load(LEARNERS, name)
    selectors = selectors_for(name)
    read = {need for selector in selectors for need in selector.needs}
    made = [
        score_stage(score)
        for score in SCORES.values()
        if name in score.tasks or f"scores:{score.name}" in read
    ]
    shown = ["evaluations/comparison", "models/champion"]
    task = Task(spec)
    found = lineage(
        task,
        [
            instances(spec),
            embeddings,
            flat_map,
            knn(only_read=True),
            *([out_of_fold, *made] if made else []),
            *map(subset, selectors),
            *([estimate(learner, selectors)] if learner.on_demand else []),
            *(evaluation(learner, selector) for selector in [*selectors, None]),
            comparison(learner, selectors),
            model(learner, spec.trained),
            champion(learner, spec.trained),
            report(
                [score.name for score in made],
                [] if learner.on_demand else shown,
                shown if learner.on_demand else [],
            ),
        ],
    )
    for selector in selectors:
        lacks = [each for each in selector_may_read(task, selector) if each not in found.stages]
        if lacks:
            raise ConfigError(
                f"{selector.name} reads {lacks[0]}, which no shared stage makes. Leave it out "
                f"of the task's methods, or register a lineage of its own ({GROUP})."
            )
    return found


for _name in registry.names(TASKS):
    try:
        _own = _name in registry.names(GROUP)
        LINEAGES[_name] = registry.load(GROUP, _name) if _own else shared_lineage(_name)
    except Exception as _error:
        if registry.is_ours(TASKS, _name):
            raise
        # Whatever is wrong with a task of another package, the others go on.
        registry.leave_out(ConfigError(f"The task {_name} has no lineage: {reason_of(_error)}"))
