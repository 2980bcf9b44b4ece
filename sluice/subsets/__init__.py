"""Selectors. Those that take arrays alone, without ids or a lineage, are offered here by name.

The function of a method stands where its module would: import from a module by its full name.
"""

from sluice.subsets.bids import bids
from sluice.subsets.cdis_per_feature import cdis_per_feature
from sluice.subsets.dac import dac
from sluice.subsets.dac_iterative import dac_iterative
from sluice.subsets.deita_filter import deita_filter
from sluice.subsets.ifd_top import ifd_top
from sluice.subsets.longest import longest
from sluice.subsets.mig import mig
from sluice.subsets.quad import quad
from sluice.subsets.t_frex import t_frex
from sluice.subsets.t_shirt import t_shirt

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
