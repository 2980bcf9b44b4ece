"""The lineage of the task `text`, from raw files to the champion model, left to right."""

import dagster as dg

from assets.lineage.task import Lineage, Task
from assets.stages.champion import champion_asset
from assets.stages.comparison import comparison_asset
from assets.stages.embeddings import embeddings_asset
from assets.stages.evaluations import all_rows_asset, evaluation_asset
from assets.stages.graphs import knn_asset
from assets.stages.instances import instances_asset
from assets.stages.map import map_asset
from assets.stages.report import report_asset
from assets.stages.scores import score_assets, text_scores
from assets.stages.subsets import subset_asset
from assets.text.echo_value import ECHO_VALUE, echo_value_asset
from assets.text.echoes import ECHOES, echoes_asset
from assets.text.fine_tuned import fine_tuned_answers, fine_tuned_asset
from assets.text.labels import QUERIES, queries_asset
from sluice.data.config import DatasetConfig
from sluice.subsets.registry import selectors_for

SELECTORS = selectors_for("text")
SCORES = text_scores()
TEXT = Task(
    "text",
    short_list=tuple(selector.name for selector in SELECTORS),
    graphs=("knn",),
    trained="fine_tuned",
)

ASSETS = [
    instances_asset(TEXT),
    embeddings_asset(TEXT),
    queries_asset(TEXT),
    echoes_asset(TEXT),
    map_asset(TEXT),
    knn_asset(TEXT),
    *score_assets(TEXT, SCORES),
    *(subset_asset(TEXT, selector) for selector in SELECTORS),
    *(evaluation_asset(TEXT, selector) for selector in SELECTORS),
    all_rows_asset(TEXT),
    comparison_asset(TEXT, SELECTORS),
    echo_value_asset(TEXT),
    fine_tuned_asset(TEXT),
    champion_asset(TEXT, fine_tuned_answers),
    report_asset(TEXT, [score.name for score in SCORES]),
]


def wanted(config: DatasetConfig) -> list[dg.AssetKey]:
    """Return the assets that a dataset's configuration asks for."""
    methods = {selector.name for selector in SELECTORS}
    left_out = {
        TEXT.key(stage, name)
        for stage in ("subsets", "evaluations")
        for name in methods - TEXT.compared(config)
    }
    if not config.training.enabled:
        left_out |= {TEXT.key("models", "fine_tuned"), TEXT.key("models", "champion")}
    if config.labelling is None:
        left_out.add(TEXT.key(*QUERIES))
    if config.label_noise is None:
        left_out |= {TEXT.key(*ECHOES), TEXT.key(*ECHO_VALUE)}
    return [asset.key for asset in ASSETS if asset.key not in left_out]


LINEAGE = Lineage(TEXT, ASSETS, wanted)
