"""Every task's lineage, loaded."""

from assets.instructions.lineage import LINEAGE as _instructions
from assets.lineage.registry import LINEAGES, lineage_of
from assets.tabular.lineage import LINEAGE as _tabular
from assets.text.lineage import LINEAGE as _text
from assets.tokens.lineage import LINEAGE as _tokens

__all__ = ["LINEAGES", "lineage_of"]

for _each in (_text, _tabular, _instructions, _tokens):
    # In this order, whichever was loaded first.
    LINEAGES[_each.task.name] = LINEAGES.pop(_each.task.name)
