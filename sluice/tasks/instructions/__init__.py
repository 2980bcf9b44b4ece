"""Prompts with responses."""

from sluice.tasks.contract import Task
from sluice.tasks.instructions.config import InstructionsConfig
from sluice.tasks.instructions.rows import ConversationFormat

TASK = Task(
    name="instructions",
    rows=ConversationFormat(),
    config=InstructionsConfig,
    short_list=(
        *("mig", "t_shirt", "dac", "bids", "random_stratified", "longest", "ifd_top", "k_center"),
        *("facility_location", "deita_filter"),
    ),
    labels="families",
)
