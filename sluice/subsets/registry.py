"""Every selector by name: one line in `SELECTORS` makes a method exist everywhere."""

from __future__ import annotations

from sluice.errors import UnknownNameError
from sluice.subsets.contract import Selector
from sluice.subsets.density import density
from sluice.subsets.facility_location import facility_location
from sluice.subsets.k_center import k_center
from sluice.subsets.k_medoids import k_medoids
from sluice.subsets.margin import margin
from sluice.subsets.random_stratified import random_stratified

_TEXT = frozenset({"text"})

_ALL = (
    Selector(
        name="random_stratified", core=random_stratified, version="1",
        needs=frozenset({"labels"}), tasks=_TEXT,
        stochastic=True, nested=True, class_floor=True,
        summary="Random rows of each class: the control that every other method has to beat.",
        formula="rank by hash(seed, id) in each class; Webster quotas",
        paper="Balinski and Young, Fair Representation, 1982 (quotas)",
        cost="n log n",
    ),
    Selector(
        name="k_center", core=k_center, version="1",
        needs=frozenset({"embeddings"}), tasks=_TEXT,
        stochastic=False, nested=True, class_floor=False,
        summary="Rows that leave no other row far from a kept one; reaches into rare corners.",
        formula="argmax_i min_{j in S} |x_i - x_j|",
        paper="Sener and Savarese, arXiv 1708.00489",
        cost="n b d",
        options={"start": None},
    ),
    Selector(
        name="k_medoids", core=k_medoids, version="1",
        needs=frozenset({"embeddings", "labels"}), tasks=_TEXT,
        stochastic=True, nested=False, class_floor=True,
        summary="One typical row for each cluster of each class.",
        formula="argmin_S sum_i min_{j in S} |x_i - x_j|^2 in each class; Webster quotas",
        paper="Park and Jun, Expert Systems with Applications 36(2), 2009",
        cost="n b d / C an iteration",
        options={"iterations": 25},
    ),
    Selector(
        name="facility_location", core=facility_location, version="1",
        needs=frozenset({"graph"}), tasks=_TEXT,
        stochastic=False, nested=True, class_floor=False,
        summary="Rows that together resemble all rows most.",
        formula="argmax_S sum_i max_{j in S} w_ij",
        paper="Wei, Iyer and Bilmes, ICML 2015; Minoux, 1978",
        cost="n k beyond the graph",
    ),
    Selector(
        name="margin", core=margin, version="1",
        needs=frozenset({"scores:margin"}), tasks=_TEXT,
        stochastic=False, nested=True, class_floor=False,
        summary="Rows between two classes, where the head is least sure.",
        formula="argmin_i p1(i) - p2(i)",
        paper="Scheffer, Decomain and Wrobel, IDA 2001",
        cost="n log n beyond the heads",
    ),
    Selector(
        name="density", core=density, version="1",
        needs=frozenset({"labels", "scores:density"}), tasks=_TEXT,
        stochastic=False, nested=True, class_floor=True,
        summary="The most typical rows of each class; does not avoid near-duplicates.",
        formula="mean cosine to the k nearest rows; Webster quotas",
        paper="Settles and Craven, EMNLP 2008",
        cost="n log n beyond the graph",
    ),
)  # fmt: skip

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
