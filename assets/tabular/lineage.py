"""The lineage of the task `tabular`, from raw files to the champion model, left to right."""

import dagster as dg

from assets.lineage.inputs import selector_inputs
from assets.lineage.task import Lineage, Task
from assets.stages.champion import champion_asset
from assets.stages.comparison import comparison_asset
from assets.stages.evaluations import all_rows_asset, evaluation_asset
from assets.stages.instances import instances_asset
from assets.stages.map import map_asset
from assets.stages.report import report_asset
from assets.stages.scores import score_assets
from assets.stages.subsets import subset_asset
from assets.tabular.attention import JOINT_SCORES, gat_asset, gat_graph
from assets.tabular.attention_value import attention_value_asset
from assets.tabular.embed_table import encoded_asset
from assets.tabular.encoder import encoder_asset
from assets.tabular.instance_graphs import instance_graph_asset
from assets.tabular.train_classifier import fitted_answers, fitted_asset
from sluice.data.config import DatasetConfig
from sluice.graphs.instance_graphs.methods import GRAPHS
from sluice.scores.registry import SCORES
from sluice.subsets.registry import selectors_for

SELECTORS = selectors_for("tabular")
SHORT_LIST = (
    *("random_stratified", "k_medoids", "enn_k_medoids", "facility_location", "enn", "ldis"),
    *("gais", "subset_search"),
)
TABULAR = Task(
    "tabular",
    short_list=tuple(selector.name for selector in SELECTORS if selector.name in SHORT_LIST),
    graphs=tuple(GRAPHS),
    trained="fitted",
    joint_scores=JOINT_SCORES,
)
_GAT = TABULAR.key("scores", "gat")
_VALUE = TABULAR.key("evaluations", "attention_value")

ASSETS = [
    instances_asset(TABULAR),
    encoder_asset(TABULAR),
    encoded_asset(TABULAR),
    map_asset(TABULAR),
    *(instance_graph_asset(TABULAR, method) for method in GRAPHS.values()),
    *score_assets(TABULAR, [SCORES["label_quality"]]),
    gat_asset(TABULAR),
    *(subset_asset(TABULAR, selector) for selector in SELECTORS),
    *(evaluation_asset(TABULAR, selector) for selector in SELECTORS),
    all_rows_asset(TABULAR),
    comparison_asset(TABULAR, SELECTORS),
    attention_value_asset(TABULAR),
    fitted_asset(TABULAR),
    champion_asset(TABULAR, fitted_answers, frozenset({"scikitlearn"})),
    report_asset(TABULAR, ["label_quality", "attention"], [TABULAR.key("encoder"), _VALUE]),
]


def wanted(config: DatasetConfig) -> list[dg.AssetKey]:
    """Return the assets that a dataset's configuration asks for.

    Graphs, and scores that need one, only where a selector that it compares reads them.
    """
    compared = TABULAR.compared(config)
    chosen = [selector for selector in SELECTORS if selector.name in compared]
    read = {key for selector in chosen for key in selector_inputs(TABULAR, selector, config)}
    if _GAT in read:
        read |= {TABULAR.key("graphs", gat_graph(TABULAR, config)), _VALUE}
    left_out = {TABULAR.key("graphs", name) for name in GRAPHS} | {_GAT, _VALUE}
    left_out -= read
    left_out |= {
        TABULAR.key(stage, selector.name)
        for stage in ("subsets", "evaluations")
        for selector in SELECTORS
        if selector.name not in compared
    }
    if not config.training.enabled:
        left_out |= {TABULAR.key("models", "fitted"), TABULAR.key("models", "champion")}
    return [asset.key for asset in ASSETS if asset.key not in left_out]


LINEAGE = Lineage(TABULAR, ASSETS, wanted)
