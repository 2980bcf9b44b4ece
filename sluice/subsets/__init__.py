"""Selectors. Those that take arrays alone, without ids or a lineage, are offered here by name.

The function of a method stands where its module would: import from a module by its full name.
"""

from sluice.subsets.by_score.deita_filter import deita_filter
from sluice.subsets.by_score.ifd_top import ifd_top
from sluice.subsets.by_score.longest import longest
from sluice.subsets.by_score.t_shirt import t_shirt
from sluice.subsets.clustered.dac import dac
from sluice.subsets.clustered.dac_iterative import dac_iterative
from sluice.subsets.clustered.quad import quad
from sluice.subsets.features.cdis_per_feature import cdis_per_feature
from sluice.subsets.features.t_frex import t_frex
from sluice.subsets.information.bids import bids
from sluice.subsets.information.mig import mig

__all__ = [
    "bids",
    "cdis_per_feature",
    "dac",
    "dac_iterative",
    "deita_filter",
    "ifd_top",
    "longest",
    "mig",
    "quad",
    "t_frex",
    "t_shirt",
]
