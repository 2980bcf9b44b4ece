"""Texts with classes."""

from sluice.tasks.contract import Task
from sluice.tasks.text.config import TextConfig
from sluice.tasks.text.rows import TextFormat

TASK = Task(
    name="text",
    rows=TextFormat(),
    config=TextConfig,
    short_list=(
        *("random_stratified", "teach", "k_center", "k_medoids", "facility_location", "margin"),
        "density",
    ),
    labelling=True,
    # It was the first.
    schedule="nightly",
)
