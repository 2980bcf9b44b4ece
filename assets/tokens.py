"""The lineage of the task `tokens`, from raw files to what subsets train, left to right."""

import dagster as dg

from assets.embeddings import embeddings_asset
from assets.graphs import knn_asset
from assets.inputs import selector_inputs
from assets.instances import instances_asset
from assets.map import map_asset
from assets.report import report_asset
from assets.subsets import subset_asset
from assets.tagger_comparison import tagger_comparison_asset
from assets.tagger_evaluations import tagger_evaluation_asset
from assets.task import Lineage, Task
from sluice.data.config import DatasetConfig
from sluice.data.sentences import joined_words
from sluice.subsets.registry import selectors_for

SELECTORS = selectors_for("tokens")
TOKENS = Task(
    "tokens",
    short_list=tuple(selector.name for selector in SELECTORS),
    graphs=("knn",),
    trained="fine_tuned",
    reads=joined_words,
)

ASSETS = [
    instances_asset(TOKENS),
    embeddings_asset(TOKENS),
    map_asset(TOKENS),
    knn_asset(TOKENS),
    *(subset_asset(TOKENS, selector) for selector in SELECTORS),
    *(tagger_evaluation_asset(TOKENS, selector) for selector in SELECTORS),
    tagger_evaluation_asset(TOKENS, None),
    tagger_comparison_asset(TOKENS, SELECTORS),
    report_asset(
        TOKENS,
        (),
        [TOKENS.key("subsets", selector.name) for selector in SELECTORS],
        evaluated=False,
        where_there=[TOKENS.key("evaluations", "comparison")],
    ),
]


def wanted(config: DatasetConfig) -> list[dg.AssetKey]:
    """Return the assets that a dataset's configuration asks for.

    The graph only where a selector that it compares reads it.
    """
    compared = TOKENS.compared(config)
    chosen = [selector for selector in SELECTORS if selector.name in compared]
    read = {key for selector in chosen for key in selector_inputs(TOKENS, selector, config)}
    left_out = {TOKENS.key("subsets", s.name) for s in SELECTORS if s not in chosen}
    left_out |= {TOKENS.key("graphs", "knn")} - read
    left_out |= set(LINEAGE.stages_apart)
    return [asset.key for asset in ASSETS if asset.key not in left_out]


def apart(config: DatasetConfig) -> list[dg.AssetKey]:
    """Return the evaluations that a dataset's configuration asks for, and its page."""
    compared = TOKENS.compared(config)
    names = [selector.name for selector in SELECTORS if selector.name in compared]
    stages = [*names, "all_rows", "comparison"]
    return [*(TOKENS.key("evaluations", name) for name in stages), TOKENS.key("report")]


LINEAGE = Lineage(TOKENS, ASSETS, wanted, apart)
