"""Every selector by name: one import and one line here make a method exist everywhere."""

from __future__ import annotations

from sluice.core.errors import UnknownNameError
from sluice.subsets import random_stratified, subset_search
from sluice.subsets.by_score import density, margin
from sluice.subsets.by_score.deita_filter import SELECTOR as DEITA_FILTER
from sluice.subsets.by_score.ifd_top import SELECTOR as IFD_TOP
from sluice.subsets.by_score.longest import SELECTOR as LONGEST
from sluice.subsets.by_score.mnlp import SELECTOR as MNLP
from sluice.subsets.by_score.t_shirt import SELECTOR as T_SHIRT
from sluice.subsets.clustered.dac import SELECTOR as DAC
from sluice.subsets.clustered.dac_iterative import SELECTOR as DAC_ITERATIVE
from sluice.subsets.clustered.quad import SELECTOR as QUAD
from sluice.subsets.contract import Selector
from sluice.subsets.covering import enn_k_medoids, facility_location, herding, k_center, k_medoids
from sluice.subsets.features.cdis_per_feature import SELECTOR as CDIS_PER_FEATURE
from sluice.subsets.features.t_frex import SELECTOR as T_FREX
from sluice.subsets.information.bids import SELECTOR as BIDS
from sluice.subsets.information.mig import SELECTOR as MIG
from sluice.subsets.instance_selection import (
    all_knn,
    cdis,
    cnn,
    drop3,
    enn,
    gais,
    icf,
    ldis,
    lsbo,
    lss,
)
from sluice.subsets.teach.clean import CLEAN_K_MEDOIDS, CLEAN_RANDOM
from sluice.subsets.teach.hardness import CCS, EL2N
from sluice.subsets.teach.teach import SELECTOR as TEACH

_ALL = (
    random_stratified.SELECTOR,
    subset_search.SELECTOR,
    k_center.SELECTOR,
    k_medoids.SELECTOR,
    enn_k_medoids.SELECTOR,
    herding.SELECTOR,
    facility_location.SELECTOR,
    margin.SELECTOR,
    density.SELECTOR,
    cnn.SELECTOR,
    enn.SELECTOR,
    all_knn.SELECTOR,
    drop3.SELECTOR,
    icf.SELECTOR,
    lss.SELECTOR,
    lsbo.SELECTOR,
    ldis.SELECTOR,
    cdis.SELECTOR,
    gais.SELECTOR,
    MIG,
    T_SHIRT,
    DAC,
    DAC_ITERATIVE,
    BIDS,
    QUAD,
    LONGEST,
    IFD_TOP,
    DEITA_FILTER,
    T_FREX,
    CDIS_PER_FEATURE,
    MNLP,
    TEACH,
    CLEAN_K_MEDOIDS,
    CLEAN_RANDOM,
    CCS,
    EL2N,
)

SELECTORS: dict[str, Selector] = {method.name: method for method in _ALL}


def selector(name: str) -> Selector:
    """Look a selector up.

    Raises
    ------
    UnknownNameError
        There is no such selector; the message names the nearest.
    """
    if name not in SELECTORS:
        raise UnknownNameError.of("selector", name, list(SELECTORS))
    return SELECTORS[name]


def tasks() -> list[str]:
    """Every task that has a selector, by name."""
    return sorted({task for method in SELECTORS.values() for task in method.tasks})


def selectors_for(task: str) -> list[Selector]:
    """Selectors in the lineage of a task, in the order of the registry.

    Raises
    ------
    UnknownNameError
        No selector belongs to such a task.
    """
    if task not in tasks():
        raise UnknownNameError.of("task", task, tasks())
    return [method for method in SELECTORS.values() if task in method.tasks]
