"""The lineage of the task `text`, from raw files to the champion model, left to right."""

from assets.lineage.task import Task, lineage
from assets.stages.champion import champion
from assets.stages.comparison import comparison
from assets.stages.embeddings import embeddings
from assets.stages.evaluations import evaluation
from assets.stages.graphs import knn
from assets.stages.instances import instances
from assets.stages.map import flat_map
from assets.stages.model import model
from assets.stages.report import report
from assets.stages.scores import out_of_fold, score_stage
from assets.stages.subsets import subset
from assets.stages.teacher import teacher
from assets.text import echo_value
from assets.text.echoes import echoes
from assets.text.labels import asked
from sluice.scores.registry import SCORES
from sluice.subsets.registry import selectors_for
from sluice.tasks.text import TASK
from sluice.tasks.text.learner import TextLearner

SELECTORS = selectors_for("text")
TEXT = Task(TASK)
_SCORES = [score_stage(score) for score in SCORES.values() if "text" in score.tasks]

LINEAGE = lineage(
    TEXT,
    [
        instances(TASK),
        embeddings,
        asked,
        echoes,
        flat_map,
        knn(),
        out_of_fold,
        teacher(lambda train: train.texts),
        *_SCORES,
        *map(subset, SELECTORS),
        *(evaluation(TextLearner, selector) for selector in [*SELECTORS, None]),
        comparison(TextLearner, SELECTORS),
        echo_value.value,
        model(TextLearner, TASK.trained),
        champion(TextLearner, TASK.trained),
        report([score.name for score in _SCORES], ["evaluations/comparison", "models/champion"]),
    ],
)
