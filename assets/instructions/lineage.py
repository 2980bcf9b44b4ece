"""The lineage of the task `instructions`, from raw files to what subsets train, left to right."""

import dagster as dg

from assets.instructions.gradients import gradients_asset
from assets.instructions.language_comparison import language_comparison_asset
from assets.instructions.language_evaluations import LANGUAGE
from assets.instructions.oracles import asking_subset_asset
from assets.instructions.quality import quality_asset
from assets.instructions.response_scores import JOINT_SCORES, losses_asset, s_ifd_asset
from assets.instructions.tags import tags_asset
from assets.instructions.warm_up import warm_up_asset
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
from sluice.data.config import DatasetConfig
from sluice.data.payloads.conversations import embedded_text
from sluice.subsets.registry import selectors_for

SELECTORS = selectors_for("instructions")
_ASKING = ("asks:influence", "asks:reward")
SHORT_LIST = (
    *("mig", "t_shirt", "dac", "bids", "random_stratified", "longest", "ifd_top", "k_center"),
    *("facility_location", "deita_filter"),
)
INSTRUCTIONS = Task(
    "instructions",
    short_list=SHORT_LIST,
    graphs=("knn",),
    trained="fine_tuned",
    joint_scores=JOINT_SCORES,
    reads=embedded_text,
)
_SCORES = ("ifd", "s_ifd_mean", "quality")

ASSETS = [
    instances_asset(INSTRUCTIONS),
    embeddings_asset(INSTRUCTIONS),
    map_asset(INSTRUCTIONS),
    knn_asset(INSTRUCTIONS),
    tags_asset(INSTRUCTIONS),
    losses_asset(INSTRUCTIONS),
    s_ifd_asset(INSTRUCTIONS),
    quality_asset(INSTRUCTIONS),
    warm_up_asset(INSTRUCTIONS),
    gradients_asset(INSTRUCTIONS),
    *(
        (asking_subset_asset if selector.needs.intersection(_ASKING) else subset_asset)(
            INSTRUCTIONS, selector
        )
        for selector in SELECTORS
    ),
    estimate_asset(INSTRUCTIONS, LANGUAGE, SELECTORS),
    *(trained_evaluation_asset(INSTRUCTIONS, LANGUAGE, selector) for selector in SELECTORS),
    trained_evaluation_asset(INSTRUCTIONS, LANGUAGE, None),
    language_comparison_asset(INSTRUCTIONS, SELECTORS),
    report_asset(
        INSTRUCTIONS,
        _SCORES,
        [INSTRUCTIONS.key("subsets", selector.name) for selector in SELECTORS],
        evaluated=False,
        where_there=[INSTRUCTIONS.key("evaluations", "comparison")],
    ),
]


def wanted(config: DatasetConfig) -> list[dg.AssetKey]:
    """Return the assets that a dataset's configuration asks for.

    The stages that cost, only where a selector that it compares reads them.
    """
    compared = INSTRUCTIONS.compared(config)
    chosen = [selector for selector in SELECTORS if selector.name in compared]
    read = {key for selector in chosen for key in selector_inputs(INSTRUCTIONS, selector, config)}
    if read & {INSTRUCTIONS.key("scores", name) for name in ("quality", "s_ifd")}:
        read.add(INSTRUCTIONS.key("scores", "losses"))
    if INSTRUCTIONS.key("gradients") in read:
        read.add(INSTRUCTIONS.key("warm_up"))
    optional = {
        INSTRUCTIONS.key(*path)
        for path in (
            *(("graphs", "knn"), ("tags",), ("warm_up",), ("gradients",), ("scores", "losses")),
            *(("scores", "s_ifd"), ("scores", "quality")),
        )
    }
    left_out = optional - read
    left_out |= {
        INSTRUCTIONS.key("subsets", selector.name)
        for selector in SELECTORS
        if selector.name not in compared
    }
    left_out |= set(LINEAGE.stages_apart)
    return [asset.key for asset in ASSETS if asset.key not in left_out]


def apart(config: DatasetConfig) -> list[dg.AssetKey]:
    """Return the evaluations that a dataset's configuration asks for, and its page."""
    compared = INSTRUCTIONS.compared(config)
    names = [selector.name for selector in SELECTORS if selector.name in compared]
    stages = ["estimate", *names, "all_rows", "comparison"]
    return [*(INSTRUCTIONS.key("evaluations", n) for n in stages), INSTRUCTIONS.key("report")]


LINEAGE = Lineage(INSTRUCTIONS, ASSETS, wanted, apart)
