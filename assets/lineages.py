"""Every task's lineage, by the name of its task."""

from assets import tabular, text
from assets.task import Lineage
from sluice.data.config import DatasetConfig

LINEAGES: dict[str, Lineage] = {
    lineage.task.name: lineage for lineage in (text.LINEAGE, tabular.LINEAGE)
}


def lineage_of(config: DatasetConfig) -> Lineage:
    """Return the lineage that a dataset goes through."""
    return LINEAGES[config.task]
