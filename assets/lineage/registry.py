"""Every lineage by the name of its task: filled where lineages are made, read by whoever asks.

Importing this module loads none of them; `assets.lineages` does.
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
            "its methods called from Python. The README's status table says what is done."
        )
    return LINEAGES[config.task]
