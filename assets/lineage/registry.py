"""Every lineage by the name of its task: filled by `assets.lineages`, which loads them all.

What lineages are made of may read this, and not that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.core.errors import ConfigError
from sluice.data.config import DatasetConfig

if TYPE_CHECKING:
    from assets.lineage.task import Lineage

LINEAGES: dict[str, Lineage] = {}


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
            "its methods called from Python. docs/status.md says what is done."
        )
    return LINEAGES[config.task]
