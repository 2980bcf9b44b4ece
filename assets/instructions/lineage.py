"""The lineage of the task `instructions`, from raw files to what subsets train, left to right."""

from assets.instructions.gradients import gradients
from assets.instructions.oracles import oracles_of
from assets.instructions.quality import quality
from assets.instructions.response_scores import JOINT_SCORES, losses, s_ifd
from assets.instructions.tags import tagged
from assets.instructions.warm_up import warm_up
from assets.lineage.task import Task, lineage
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
from assets.stages.subsets import subset
from sluice.subsets.registry import selectors_for
from sluice.tasks.instructions import TASK
from sluice.tasks.instructions.learner import InstructionsLearner

SELECTORS = selectors_for("instructions")
INSTRUCTIONS = Task(TASK, JOINT_SCORES)

LINEAGE = lineage(
    INSTRUCTIONS,
    [
        instances(TASK),
        embeddings,
        flat_map,
        knn(only_read=True),
        tagged,
        losses,
        s_ifd,
        quality,
        warm_up,
        gradients,
        *(subset(selector, oracles_of(selector)) for selector in SELECTORS),
        estimate(InstructionsLearner, SELECTORS),
        *(evaluation(InstructionsLearner, selector) for selector in [*SELECTORS, None]),
        comparison(InstructionsLearner, SELECTORS),
        model(InstructionsLearner, TASK.trained),
        champion(InstructionsLearner, TASK.trained),
        report(
            ["scores/losses", "scores/s_ifd", "scores/quality"],
            [f"subsets/{selector.name}" for selector in SELECTORS],
            ["evaluations/comparison", "models/champion"],
        ),
    ],
)
