"""The contract of learners: trained on rows, with weights, they give outcomes on held-out rows.

A learner says what a task's subsets train, by what metric that is judged, and how the final model
is trained, saved and loaded. It knows nothing of stages, tables or registries. A package adds one
by a class and an entry point `sluice.learners`; `sluice.testing.check_learner` tries it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sluice.core.digests import order_free_digest
from sluice.core.errors import DataError, SluiceError
from sluice.core.progress import Advance
from sluice.core.randomness import keyed_uniform
from sluice.data.config import DatasetConfig
from sluice.evaluation.comparison import ALL_ROWS
from sluice.evaluation.metrics import ACCURACY, CLASSES, MACRO_F1, Compared, Metric, Outcomes

if TYPE_CHECKING:
    from sluice.language.checkpoint import CausalModel

SPLITS = ("validation", "test")
SAMPLE_SEED = 0
# All rows cost most and vary least from seed to seed (ours).
ALL_ROWS_SEEDS = 3


@dataclass(frozen=True)
class Examples:
    """Rows to train on or to measure on.

    Attributes
    ----------
    ids, texts : sequence of str, length n
        Contents as the task's row format writes them.
    labels : ndarray of int64, shape (n,)
        Codes of `class_names`.
    class_names : tuple of str
    vectors : ndarray of float, shape (n, d), or None
        For learners that read `embeddings`.
    weights : ndarray of float64, shape (n,), or None
        How much each row counts in training, beside the others; every row 1 where None.
    """

    ids: Sequence[str]
    texts: Sequence[str]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    vectors: NDArray[np.floating] | None = None
    weights: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.ids)

    def at(self, positions: Sequence[int] | NDArray[np.int64]) -> Examples:
        """Return the rows at some positions, in their order."""
        at = np.asarray(positions, dtype=np.int64)
        return replace(
            self,
            ids=[self.ids[i] for i in at.tolist()],
            texts=[self.texts[i] for i in at.tolist()],
            labels=self.labels[at],
            vectors=None if self.vectors is None else self.vectors[at],
            weights=None if self.weights is None else self.weights[at],
        )


@dataclass(frozen=True)
class Given:
    """The dataset that a learner is made for, and with what.

    Attributes
    ----------
    config : DatasetConfig
    details : mapping
        What the stages that the learner reads have recorded, by their paths.
    device : callable
        Returns ``"cpu"`` or ``"cuda"``; asked only where something is computed.
    language_model : callable or None
        Returns the dataset's causal language model, not yet loaded.
    fitted_encoder : callable or None
        Returns an encoder of the dataset by its identity: the JSON of a table's.
    encoders : Path or None
        Folder of the encoders that were trained further, each under its identity.
    """

    config: DatasetConfig
    details: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    device: Callable[[], str] = lambda: "cpu"
    language_model: Callable[[], CausalModel] | None = None
    fitted_encoder: Callable[[str], str] | None = None
    encoders: Path | None = None


@dataclass(frozen=True)
class Job:
    """One model to be trained and measured: a subset, and the seed of its training."""

    method: str
    budget: str
    seed: int
    selection_id: str
    size: int
    rows_digest: str


@dataclass(frozen=True)
class Fitted:
    """What the training of a final model did.

    Attributes
    ----------
    curve : list of dict
        Its numbers by epoch, each with ``epoch``; empty where there are none.
    about : dict
        What a person should see of it, such as the number of steps.
    parameters : dict
        What is logged of how it was trained.
    """

    curve: list[dict[str, float]] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)


class Model:
    """A trained model; its class says how it answers."""

    def answers(self, rows: Examples) -> list[str]:
        """Return what the model says of each row."""
        raise NotImplementedError

    def outcomes(self, rows: Examples) -> dict[str, Outcomes]:
        """Return how it did on each row, by kind of outcome, each of shape (n, k).

        Raises
        ------
        DataError
            The model cannot read these rows.
        """
        raise NotImplementedError

    def save(self, folder: Path) -> None:
        """Write what `Learner.load` reads to a folder that is there."""
        raise NotImplementedError

    def close(self) -> None:
        """Give back what it holds; it answers no more."""


class Classifier(Model):
    """A model whose answers are names of classes; its class gives `answers`."""

    def outcomes(self, rows: Examples) -> dict[str, Outcomes]:
        """Return the codes of the given and of the right class of each row."""
        codes = {name: code for code, name in enumerate(rows.class_names)}
        given = [codes.get(name, -1) for name in self.answers(rows)]
        return {CLASSES: np.column_stack([given, rows.labels]).astype(np.float64)}


class Learner:
    """What a task's subsets train; a task's class says how.

    Attributes
    ----------
    version : str
        Of the learner itself; part of what its numbers depend on.
    metrics : tuple of Metric
        The first one decides, and is a `Compared`.
    what : str
        Its models for people, in the plural.
    summary, model_summary : str
        What is trained on each subset, and as the final model, for people.
    kinds, model_kinds : frozenset of str
        What both are made with.
    heavy : bool
        Whether a GPU serves the evaluations, and `model_heavy` the final model.
    may_read, model_reads : tuple of str
        Paths of the stages that evaluations, and the final model, may read beside instances and
        subsets.
    on_demand : bool
        Whether it takes so long that evaluations are made only when somebody asks for them, after
        an estimate of the hours.
    tries, advice : str
        What the estimate does, and how trainings that take too long are made fewer or shorter.
    seeded : bool
        Whether a training is random by itself: each subset is then trained on with every seed.
    exact_weights : bool
        Whether a row of weight 2 counts exactly as the row twice.
    warm_starts : bool
        Whether the final model may start from the last one.

    Parameters
    ----------
    given : Given
    """

    version: ClassVar[str] = "1"
    metrics: ClassVar[tuple[Metric, ...]] = (ACCURACY, MACRO_F1)
    what: ClassVar[str] = "models"
    summary: ClassVar[str] = "A model"
    model_summary: ClassVar[str] = "The model"
    kinds: ClassVar[frozenset[str]] = frozenset({"scikitlearn"})
    model_kinds: ClassVar[frozenset[str]] = frozenset({"scikitlearn"})
    heavy: ClassVar[bool] = False
    model_heavy: ClassVar[bool] = False
    may_read: ClassVar[tuple[str, ...]] = ()
    model_reads: ClassVar[tuple[str, ...]] = ()
    on_demand: ClassVar[bool] = False
    tries: ClassVar[str] = ""
    advice: ClassVar[str] = ""
    seeded: ClassVar[bool] = False
    exact_weights: ClassVar[bool] = False
    warm_starts: ClassVar[bool] = False

    def __init__(self, given: Given) -> None:
        self.given = given
        self.config = given.config

    @classmethod
    def metric(cls) -> Compared:
        """Return the metric that decides."""
        first = cls.metrics[0]
        assert isinstance(first, Compared)
        return first

    @classmethod
    def reads(cls, config: DatasetConfig) -> tuple[str, ...]:
        """Return those of `may_read` that it reads for one configuration."""
        return cls.may_read

    @classmethod
    def read_by_model(cls, config: DatasetConfig) -> tuple[str, ...]:
        """Return those of `model_reads` that the final model reads for one configuration."""
        unread = {*cls.may_read} - {*cls.reads(config)}
        return tuple(path for path in cls.model_reads if path not in unread)

    @property
    def trained(self) -> str:
        """Text that changes whenever the same rows may train another model."""
        raise NotImplementedError

    @property
    def settings(self) -> list[str]:
        """Everything but rows that the outcomes depend on."""
        return [self.version, self.trained]

    @property
    def parameters(self) -> dict[str, Any]:
        """Everything but rows that decides which models there are to be, as JSON."""
        return {"settings": self.settings, "seeds": self.config.seeds}

    @property
    def most_held_out(self) -> int | None:
        """Most rows of a split that models are measured on; None for all."""
        return None

    def names(self, train: Examples) -> list[str]:
        """Return what a model tells apart, given all training rows."""
        return list(train.class_names)

    def train(
        self, rows: Examples, names: Sequence[str], seed: int, advance: Advance | None = None
    ) -> Model:
        """Train on a subset, as evaluations do.

        Parameters
        ----------
        rows : Examples
            In order of id; weights, where there are some, above 0.
        names : sequence of str
            See `names`.
        seed : int
        advance : callable, optional
            Called with the number of rows done.
        """
        raise NotImplementedError

    def hours(self, rows: Examples, held_out: Mapping[str, Examples], sizes: list[int]) -> float:
        """Try, and return the hours that trainings on subsets of some sizes will take."""
        raise NotImplementedError

    def model_settings(self, seed: int) -> dict[str, Any]:
        """Return everything but rows and names that the final model depends on, as JSON."""
        return {"settings": self.settings, "seed": seed}

    def fit(
        self,
        rows: Examples,
        names: Sequence[str],
        seed: int,
        folder: Path,
        validation: Examples,
        start: Path | None = None,
    ) -> Fitted:
        """Train the final model into a folder that is not there yet; by default as `train` does.

        Parameters
        ----------
        rows, names
            As for `train`.
        seed : int
            That of the chosen subset.
        folder : Path
        validation : Examples
            May be looked at and decides nothing.
        start : Path, optional
            A model of before to start from, where it `warm_starts`.
        """
        model = self.train(rows, names, seed)
        try:
            folder.mkdir()
            model.save(folder)
        finally:
            model.close()
        return Fitted()

    def load(self, folder: Path) -> Model:
        """Return a final model that `fit` wrote.

        Raises
        ------
        DataError
            It does not fit the dataset as it is now.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Evaluation:
    """What one model did: outcomes by split and kind, and the seconds of training it."""

    outcomes: dict[str, dict[str, Outcomes]]
    seconds: float


def evaluate(
    learner: Learner,
    rows: Examples,
    names: Sequence[str],
    held_out: Mapping[str, Examples],
    seed: int,
    advance: Advance | None = None,
) -> Evaluation:
    """Train on some rows and return what the model does on each held-out row.

    Parameters
    ----------
    learner : Learner
    rows : Examples
        In any order; rows of weight 0 are left out.
    names : sequence of str
        See `Learner.names`.
    held_out : mapping of split to Examples
    seed : int
    advance : callable, optional

    Raises
    ------
    DataError
        There is no row to train on or to measure on, an id comes twice, or a weight is below 0
        or not finite.
    SluiceError
        The learner breaks its contract: it says which outcomes are missing.
    """
    check_held_out({split: len(part) for split, part in held_out.items()})
    chosen = ready(rows)
    began = time.perf_counter()
    model = learner.train(chosen, names, seed, advance)
    seconds = time.perf_counter() - began
    try:
        outcomes = {
            split: checked_outcomes(learner, model.outcomes(part), len(part))
            for split, part in held_out.items()
        }
    finally:
        model.close()
    return Evaluation(outcomes, seconds)


def ready(rows: Examples) -> Examples:
    """Return rows as learners take them: in order of id, without those of weight 0.

    Equal weights are none.

    Raises
    ------
    DataError
        There is none, an id comes twice, or a weight is below 0 or not finite.
    """
    ids = np.asarray(rows.ids, dtype=np.str_)
    order = np.argsort(ids, kind="stable")
    if len(np.unique(ids)) != len(ids):
        raise DataError("An id comes twice among the rows to train on; give each row once.")
    if rows.weights is not None:
        weights = np.asarray(rows.weights, dtype=np.float64)
        if weights.shape != ids.shape or not np.isfinite(weights).all() or (weights < 0).any():
            raise DataError(
                f"Weights have shape {weights.shape}; give a finite one of at least 0 for each of "
                f"{len(ids)} rows."
            )
        order = order[weights[order] > 0]
    if not len(order):
        raise DataError("There is no row to train on; give at least one, of a weight above 0.")
    chosen = rows.at(order)
    if chosen.weights is not None and np.ptp(chosen.weights) == 0:
        return replace(chosen, weights=None)
    return chosen


def checked_outcomes(
    learner: Learner, outcomes: Mapping[str, Outcomes], rows: int
) -> dict[str, Outcomes]:
    """Return outcomes as arrays of shape (n, k), after checking that none is missing.

    Raises
    ------
    SluiceError
        Some are missing.
    """
    found: dict[str, Outcomes] = {}
    for kind in dict.fromkeys(metric.outcome for metric in learner.metrics):
        values = np.asarray(outcomes.get(kind, ()), dtype=np.float64)
        found[kind] = values[:, None] if values.ndim == 1 else values
        if len(values) != rows:
            raise SluiceError(
                f"{type(learner).__name__} gave {len(values)} outcomes of the kind {kind!r} for "
                f"{rows} held-out rows; it must give one for each."
            )
    return found


def check_held_out(rows: Mapping[str, int], dataset: str = "") -> None:
    """Refuse to measure on no rows.

    Raises
    ------
    DataError
        A split has none; it says what to do.
    """
    empty = [split for split, count in rows.items() if not count]
    if empty:
        raise DataError(
            f"{f'Dataset {dataset}' if dataset else 'This dataset'} has no "
            f"{' and no '.join(empty)} rows, so no subset can be measured. Add rows, or change the "
            "split column or the shares under `split` in its dataset.yaml."
        )


def held_out_positions(
    learner: Learner, ids: Sequence[str], splits: Sequence[str]
) -> dict[str, list[int]]:
    """Return positions of the held-out rows that models are measured on, in order of id.

    Of more than `Learner.most_held_out` those of the least keyed draws, so that other rows coming
    or going move few of them.

    Parameters
    ----------
    learner : Learner
    ids, splits : sequence of str, length n
        Sorted by id.
    """
    chosen: dict[str, list[int]] = {}
    for split in SPLITS:
        at = [i for i, name in enumerate(splits) if name == split]
        if learner.most_held_out is not None:
            draws = keyed_uniform(SAMPLE_SEED, np.array([ids[i] for i in at]))
            least = np.argsort(draws, kind="stable")[: learner.most_held_out].tolist()
            at = sorted(at[i] for i in least)
        chosen[split] = at
    return chosen


def subset_jobs(
    learner: type[Learner],
    method: str,
    entries: Sequence[Mapping[str, Any]],
    seeds: Sequence[int],
    *,
    stochastic: bool,
) -> list[Job]:
    """Return what is trained on a method's subsets.

    A method without randomness has one subset a budget. Where the training has its own, it is
    trained on with every seed; one with randomness is trained on each subset with its own seed.
    """
    own = stochastic or not learner.seeded
    return [
        Job(
            method,
            str(entry["budget"]),
            seed,
            str(entry["selection_id"]),
            int(entry["size"]),
            str(entry["rows_digest"]),
        )
        for entry in entries
        for seed in ([int(entry["seed"])] if own else seeds)
    ]


def all_rows_jobs(
    learner: type[Learner], contents: Sequence[str], seeds: Sequence[int]
) -> list[Job]:
    """Return the control: every training row, given as ``"id content_hash"``."""
    rows_digest = order_free_digest(contents)
    return [
        Job(ALL_ROWS, "all", seed, "", len(contents), rows_digest)
        for seed in (seeds[:ALL_ROWS_SEEDS] if learner.seeded else [0])
    ]
