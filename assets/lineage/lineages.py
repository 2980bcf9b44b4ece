"""Every task's lineage, by the name of its task."""

from assets.instructions import lineage as instructions
from assets.lineage.task import Lineage
from assets.tabular import lineage as tabular
from assets.text import lineage as text
from assets.tokens import lineage as tokens
from sluice.core.errors import ConfigError
from sluice.data.config import DatasetConfig

LINEAGES: dict[str, Lineage] = {
    lineage.task.name: lineage
    for lineage in (text.LINEAGE, tabular.LINEAGE, instructions.LINEAGE, tokens.LINEAGE)
}


def lineage_of(config: DatasetConfig) -> Lineage:
    """Return the lineage that a dataset goes through.

    Raises
    ------
    ConfigError
        If its task has none yet.
    """
    if config.task not in LINEAGES:
        raise ConfigError(
            f"The task {config.task} has no lineage yet: its rows can be added and checked, and "
            "its methods called from Python. The README's status table says what is done."
        )
    return LINEAGES[config.task]
