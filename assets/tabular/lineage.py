"""The lineage of the task `tabular`, from raw files to the champion model, left to right."""

from assets.lineage.task import Task, lineage
from assets.stages.champion import champion
from assets.stages.comparison import comparison
from assets.stages.evaluations import evaluation
from assets.stages.instances import instances
from assets.stages.map import flat_map
from assets.stages.model import model
from assets.stages.report import report
from assets.stages.scores import out_of_fold, score_stage
from assets.stages.subsets import subset
from assets.stages.teacher import teacher
from assets.tabular import attention_value
from assets.tabular.attention import JOINT_SCORES, gat
from assets.tabular.embed_table import embeddings
from assets.tabular.encoder import encoder
from assets.tabular.instance_graphs import instance_graph
from sluice.graphs.instance_graphs.methods import GRAPHS
from sluice.scores.registry import SCORES
from sluice.subsets.registry import selectors_for
from sluice.tasks.tabular import TASK
from sluice.tasks.tabular.learner import TabularLearner

SELECTORS = selectors_for("tabular")
TABULAR = Task(TASK, JOINT_SCORES)

LINEAGE = lineage(
    TABULAR,
    [
        instances(TASK),
        encoder,
        embeddings,
        flat_map,
        *map(instance_graph, GRAPHS.values()),
        out_of_fold,
        score_stage(SCORES["label_quality"]),
        teacher(),
        gat,
        *map(subset, SELECTORS),
        *(evaluation(TabularLearner, selector) for selector in [*SELECTORS, None]),
        comparison(TabularLearner, SELECTORS),
        attention_value.value,
        model(TabularLearner, TASK.trained),
        champion(TabularLearner, TASK.trained),
        report(
            ["scores/label_quality", "scores/gat"],
            ["evaluations/comparison", "models/champion", "encoder", "evaluations/attention_value"],
        ),
    ],
)
