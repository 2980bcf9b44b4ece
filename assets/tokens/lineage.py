"""The lineage of the task `tokens`, from raw files to what subsets train, left to right."""

import dagster as dg

from assets.lineage.inputs import selector_inputs
from assets.lineage.task import Lineage, Task
from assets.stages.embeddings import embeddings_asset
from assets.stages.estimate import estimate_asset
from assets.stages.graphs import knn_asset
from assets.stages.instances import instances_asset
from assets.stages.map import map_asset
from assets.stages.report import report_asset
from assets.stages.subsets import subset_asset
from assets.stages.trained_evaluations import trained_evaluation_asset
from assets.tokens.adapted_encoder import adapted_encoder_asset, start_keys
from assets.tokens.mnlp import mnlp_asset
from assets.tokens.tagger_comparison import tagger_comparison_asset
from assets.tokens.tagger_evaluations import taggers
from sluice.data.config import DatasetConfig
from sluice.data.payloads.sentences import joined_words
from sluice.subsets.registry import selectors_for

SELECTORS = selectors_for("tokens")
TOKENS = Task(
    "tokens",
    # mnlp trains a tagger first: only where it is named.
    short_list=tuple(selector.name for selector in SELECTORS if selector.name != "mnlp"),
    graphs=("knn",),
    trained="fine_tuned",
    reads=joined_words,
)
TAGGERS = taggers(TOKENS)

ASSETS = [
    instances_asset(TOKENS),
    adapted_encoder_asset(TOKENS),
    embeddings_asset(TOKENS),
    map_asset(TOKENS),
    knn_asset(TOKENS),
    mnlp_asset(TOKENS),
    *(subset_asset(TOKENS, selector) for selector in SELECTORS),
    estimate_asset(TOKENS, TAGGERS, SELECTORS),
    *(trained_evaluation_asset(TOKENS, TAGGERS, selector) for selector in SELECTORS),
    trained_evaluation_asset(TOKENS, TAGGERS, None),
    tagger_comparison_asset(TOKENS, TAGGERS, SELECTORS),
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

    The graph and the uncertainty only where a selector that it compares reads them, the adapted
    encoder only where there is a section for it.
    """
    compared = TOKENS.compared(config)
    chosen = [selector for selector in SELECTORS if selector.name in compared]
    read = {key for selector in chosen for key in selector_inputs(TOKENS, selector, config)}
    left_out = {TOKENS.key("subsets", s.name) for s in SELECTORS if s not in chosen}
    read.update(start_keys(TOKENS, config))
    optional = (("graphs", "knn"), ("scores", "mnlp"), ("encoder", "adapted"))
    left_out |= {TOKENS.key(*path) for path in optional} - read
    left_out |= set(LINEAGE.stages_apart)
    return [asset.key for asset in ASSETS if asset.key not in left_out]


def apart(config: DatasetConfig) -> list[dg.AssetKey]:
    """Return the evaluations that a dataset's configuration asks for, and its page."""
    compared = TOKENS.compared(config)
    names = [selector.name for selector in SELECTORS if selector.name in compared]
    stages = ["estimate", *names, "all_rows", "comparison"]
    return [*(TOKENS.key("evaluations", name) for name in stages), TOKENS.key("report")]


LINEAGE = Lineage(TOKENS, ASSETS, wanted, apart)
