"""Tables whose rows have classes."""

from sluice.tasks.contract import Task
from sluice.tasks.tabular.config import TabularConfig
from sluice.tasks.tabular.rows import TableFormat

TASK = Task(
    name="tabular",
    rows=TableFormat(),
    config=TabularConfig,
    short_list=(
        *("random_stratified", "subset_search", "k_medoids", "enn_k_medoids"),
        *("facility_location", "enn", "ldis", "gais"),
    ),
    graphs=("minibatch", "hash", "multilevel", "multiview"),
    trained="fitted",
    # Equal rows of a table are no leak: its own split column or groups may part them.
    leak_stops=False,
    # A table of few rows and many classes: too small a budget is said, not evaded.
    strict_floor=True,
)
