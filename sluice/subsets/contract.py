"""What every selector takes and returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.graphs.features import FeatureRows
from sluice.graphs.instance_graphs.instance_graph import InstanceGraph
from sluice.graphs.knn import KnnGraph
from sluice.graphs.tags import TagRows
from sluice.heads.answers import Answers, Labelled
from sluice.scores.influence import Influence
from sluice.scores.teacher import Teacher
from sluice.subsets.inputs import inputs

Ask = Callable[..., NDArray[np.float64]]
"""``ask(positions, ...) -> values``: what costs too much to know of every row beforehand."""


@dataclass(frozen=True)
class Pool:
    """The rows that a selector may pick from: training rows only.

    Attributes
    ----------
    ids : ndarray of str, shape (n,)
        Unique instance ids.
    embeddings : ndarray of float32, shape (n, d), or None
        What the task's encoder makes of the rows: L2-normalised for texts, standardised for
        tables.
    labels : ndarray of int64, shape (n,), or None
        Class of each row, 0 to C-1.
    graph : KnnGraph or InstanceGraph or None
        Over the same ids in the same order: the exact cosine kNN graph for texts, a graph of
        instances for tables.
    scores : mapping of str to ndarray of float64, shape (n,)
        Scores by method name, for example ``{"margin": ...}``.
    class_names : tuple of str
        Name of each class, for reasons that people read.
    tags : TagRows or None
        What each row is about, and how much tags resemble each other.
    features : FeatureRows or None
        Which features each row has, such as the entities that it names.
    influence : Influence or None
        How much each row helps each validation row.
    teacher : Teacher or None
        What models that have not seen a row say of it.
    asks : mapping of str to callable
        What a method asks for while it picks, such as the influence of a few rows, by name;
        each takes positions among the rows as they are given here.
    labelled : Labelled or None
        For queries: the rows that have a label. The pool's own rows then have none.
    answers : Answers or None
        For queries: what a model trained on the labelled rows says of the pool's.
    others : mapping of str to object
        Inputs that other packages have registered, see `sluice.subsets.inputs`.
    """

    ids: NDArray[np.str_]
    embeddings: NDArray[np.float32] | None = None
    labels: NDArray[np.int64] | None = None
    graph: KnnGraph | InstanceGraph | None = None
    scores: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    class_names: tuple[str, ...] = ()
    tags: TagRows | None = None
    features: FeatureRows | None = None
    influence: Influence | None = None
    teacher: Teacher | None = None
    asks: Mapping[str, Ask] = field(default_factory=dict)
    labelled: Labelled | None = None
    answers: Answers | None = None
    others: Mapping[str, Any] = field(default_factory=dict)

    def get(self, key: str) -> Any:
        """Return an input by the key that `Selector.needs` has before a colon; None if absent."""
        return self.others.get(key) if key not in _FIELDS else getattr(self, key)

    def having(self, values: Mapping[str, Any]) -> Pool:
        """Return the same rows with other inputs, by key."""
        own = {key: value for key, value in values.items() if key in _FIELDS}
        others = {key: value for key, value in values.items() if key not in _FIELDS}
        return replace(self, **own, others={**self.others, **others})

    def of(self, positions: NDArray[np.int64]) -> Pool:
        """Return some of the rows, in the order of the positions; a graph must keep all of them."""
        taken = {
            key: each.take(self.get(key), positions)
            for key, each in inputs().items()
            if self.get(key) is not None
        }
        return replace(self, ids=self.ids[positions]).having(taken)


_FIELDS = frozenset(part.name for part in fields(Pool))


@dataclass(frozen=True)
class Picks:
    """What a selector's numeric core returns: positions in its (sorted) pool.

    Attributes
    ----------
    positions : ndarray of int64, shape (b,)
        Kept rows, in rank order.
    gains : ndarray of float64, shape (b,)
        What each row added when it was picked, in the method's own unit.
    reasons : list of str, length b
        Why each row was kept, in words.
    note : str
        Empty, or what the caller should know, such as rows that were set aside.
    trace : tuple of mapping
        What the method did step by step, for methods that learn while they pick: one mapping of
        plain values a step, all with the same keys.
    weights : ndarray of float64, shape (b,), or None
        How much each kept row counts in training, above 0; None where all count alike.
    left_out : mapping of int to str
        Why rows were not kept, by position; empty where the method says nothing of them.
    """

    positions: NDArray[np.int64]
    gains: NDArray[np.float64]
    reasons: list[str]
    note: str = ""
    trace: tuple[Mapping[str, object], ...] = ()
    weights: NDArray[np.float64] | None = None
    left_out: Mapping[int, str] = field(default_factory=dict)

    @property
    def training_weights(self) -> NDArray[np.float64]:
        """The weights, 1 where the method weighs none."""
        if self.weights is None:
            return np.ones(len(self.positions))
        return np.asarray(self.weights, np.float64)


@dataclass(frozen=True)
class Selection:
    """The kept rows, in rank order.

    Attributes
    ----------
    ids : ndarray of str or int64, shape (b,)
        Positions (int64) from `sluice.select` without ids, and from methods that take arrays
        alone.
    gains : ndarray of float64, shape (b,)
    reasons : list of str, length b
    note : str
        Empty, or what the caller should know (for example fewer usable rows than the budget).
    trace : tuple of mapping
        See `Picks`.
    weights : ndarray of float64, shape (b,)
        How much each row counts in training: 1 where the method weighs none.
    left_out : mapping of str or int to str
        Why rows were not kept, by id (or position); empty where the method says nothing of them.
    """

    ids: NDArray[np.str_] | NDArray[np.int64]
    gains: NDArray[np.float64]
    reasons: list[str]
    note: str
    trace: tuple[Mapping[str, object], ...]
    weights: NDArray[np.float64]
    left_out: Mapping[Any, str] = field(default_factory=dict)


Core = Callable[..., Picks]
"""``core(pool, budget, seed, **options) -> Picks`` on a pool sorted by id.

The budget is None only for a method that is `sized`.
"""


@dataclass(frozen=True)
class Selector:
    """One registered method.

    Attributes
    ----------
    name : str
        Field name, for example ``"k_center"``.
    core : callable
        The numeric core, see `Core`.
    version : str
        Changes whenever the same input may give other rows.
    needs : frozenset of str
        Of ``"embeddings"``, ``"labels"``, ``"graph"``, ``"tags"``, ``"features"``,
        ``"influence"``, ``"teacher"``, ``"labelled"``, ``"scores:<method>"``, ``"asks:<name>"``,
        ``"answers:<part>"``, and the keys of registered inputs.
    tasks : frozenset of str
        Tasks in whose lineage the method appears.
    stochastic : bool
        Whether the seed changes the result.
    nested : bool
        Whether a smaller budget's rows are the first rows of a larger one's.
    class_floor : bool
        Whether every class keeps a row wherever the budget allows.
    summary, formula, paper, cost : str
        For people: one line each, shown in the UI, the report and `sluice methods`.
    options : mapping of str to object
        Keyword options of the core with their defaults.
    sized : bool
        Whether the method decides by itself how many rows it keeps, so that ``budget=None``
        means just those.
    sets_aside : bool
        Whether it sets rows aside by itself whose score is not finite, and says so.
    fills : bool
        Whether it fills a budget by another rule than its own, and says how in the note.
    passes_on : bool
        Whether it hands the whole pool to another method.
    all_pairs : bool
        Whether it compares all pairs of rows, so that many rows take long.
    family : tuple of str
        For queries: where the strategy stands in the survey's tree, from the root down.
    """

    name: str
    core: Core
    version: str
    needs: frozenset[str]
    tasks: frozenset[str]
    stochastic: bool
    nested: bool
    class_floor: bool
    summary: str
    formula: str
    paper: str
    cost: str
    options: Mapping[str, Any] = field(default_factory=dict)
    sized: bool = False
    sets_aside: bool = False
    fills: bool = False
    passes_on: bool = False
    all_pairs: bool = False
    family: tuple[str, ...] = ()
