"""What a task is: everything that the rest of Sluice must know of one, and asks it.

A package adds a task by an entry point of the group ``sluice.tasks`` that names a `Task`, and by
one of ``sluice.learners`` and of ``sluice.rows`` under the same name.
"""

from __future__ import annotations

from dataclasses import dataclass

from sluice.data.config import DatasetConfig
from sluice.data.ingest.row_format import FileRows, RowFormat

__all__ = ["FileRows", "RowFormat", "Task"]


@dataclass(frozen=True)
class Task:
    """What a dataset is for.

    Attributes
    ----------
    name : str
        As `dataset.yaml` says it.
    rows : RowFormat
        How rows are read, checked, told apart, shown and written back.
    config : type of DatasetConfig
        What its `dataset.yaml` may say.
    short_list : tuple of str
        Selectors of a dataset that names none.
    methods : tuple of str
        Further selectors, beside those that say that they are for it.
    graphs : tuple of str
        Graphs of its lineage, the default one first.
    trained : str
        Method of the asset that trains the challenger.
    labels : str
        What labels are called, such as ``"classes"``.
    leak_stops : bool
        Whether equal contents in two splits stop a run.
    strict_floor : bool
        Whether a budget below one row a class is refused, rather than some class left out.
    labelling : bool
        Whether rows without a label may be kept and asked for by query strategies.
    schedule : str
        Name of the nightly schedule, under which people have switched it on or off.
    """

    name: str
    rows: RowFormat
    config: type[DatasetConfig]
    short_list: tuple[str, ...]
    methods: tuple[str, ...] = ()
    graphs: tuple[str, ...] = ("knn",)
    trained: str = "fine_tuned"
    labels: str = "classes"
    leak_stops: bool = True
    strict_floor: bool = False
    labelling: bool = False
    schedule: str = ""

    def __post_init__(self) -> None:
        if not self.schedule:
            object.__setattr__(self, "schedule", f"nightly_{self.name}")
