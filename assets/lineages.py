"""Every task's lineage, loaded."""

from assets.instructions.lineage import LINEAGE as INSTRUCTIONS
from assets.lineage.registry import LINEAGES, lineage_of
from assets.tabular.lineage import LINEAGE as TABULAR
from assets.text.lineage import LINEAGE as TEXT
from assets.tokens.lineage import LINEAGE as TOKENS

__all__ = ["LINEAGES", "lineage_of"]

LINEAGES.update({each.task.name: each for each in (TEXT, TABULAR, INSTRUCTIONS, TOKENS)})
