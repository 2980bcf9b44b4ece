"""The lineage of the task `tokens`, from raw files to what subsets train, left to right."""

import assets.tokens.features  # noqa: F401  # pyright: ignore[reportUnusedImport] (registers)
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
from assets.tokens.adapted_encoder import adapted
from assets.tokens.mnlp import mnlp
from sluice.subsets.registry import selectors_for
from sluice.tasks.tokens import TASK
from sluice.tasks.tokens.learner import TokensLearner

SELECTORS = selectors_for("tokens")
TOKENS = Task(TASK)

LINEAGE = lineage(
    TOKENS,
    [
        instances(TASK),
        adapted,
        embeddings,
        flat_map,
        knn(only_read=True),
        mnlp,
        *map(subset, SELECTORS),
        estimate(TokensLearner, SELECTORS),
        *(evaluation(TokensLearner, selector) for selector in [*SELECTORS, None]),
        comparison(TokensLearner, SELECTORS),
        model(TokensLearner, TASK.trained),
        champion(TokensLearner, TASK.trained),
        report(
            also=[f"subsets/{selector.name}" for selector in SELECTORS],
            shows_made=["evaluations/comparison", "models/champion"],
        ),
    ],
)
