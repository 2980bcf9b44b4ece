"""The contract of learners: trained on rows, with weights, they give outcomes on held-out rows.

A learner says what a task's subsets train, by what metric that is judged, and how the final model
is trained, saved and loaded. It knows nothing of stages, tables or registries. A package adds one
by a class and an entry point `sluice.learners`; `sluice.testing.check_learner` tries it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sluice.core.progress import Advance
from sluice.data.config import DatasetConfig
from sluice.evaluation.metrics import ACCURACY, CLASSES, MACRO_F1, Compared, Metric, Outcomes

if TYPE_CHECKING:
    from sluice.data.config.language import LanguageModel
    from sluice.language.checkpoint import CausalModel


LEARNERS = "sluice.learners"
"""Group of entry points of the learners of tasks: classes of `Learner`, by the task."""


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
        Returns the causal language model of a section `language_model`, not yet loaded.
    fitted_encoder : callable or None
        Returns an encoder of the dataset by its identity: the JSON of a table's.
    encoders : Path or None
        Folder of the encoders that were trained further, each under its identity.
    """

    config: DatasetConfig
    details: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    device: Callable[[], str] = lambda: "cpu"
    language_model: Callable[[LanguageModel], CausalModel] | None = None
    fitted_encoder: Callable[[str], str] | None = None
    encoders: Path | None = None


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

    def predictions(self, rows: Examples) -> dict[str, Sequence[Any]]:
        """Return what the model says of each row, for people and programs, by column."""
        return {"prediction": self.answers(rows)}

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
    """A model whose answers are names of classes; its class gives `answers`, or `probabilities`."""

    def probabilities(self, rows: Examples) -> tuple[Sequence[str], NDArray[np.float64]] | None:
        """Return the classes and the probability of each, shape (n, C), if the model has them."""
        return None

    def answers(self, rows: Examples) -> list[str]:
        """Return the likeliest class of each row by name."""
        found = self.probabilities(rows)
        if found is None:
            raise NotImplementedError
        names, likely = found
        return [names[int(code)] for code in likely.argmax(axis=1)]

    def predictions(self, rows: Examples) -> dict[str, Sequence[Any]]:
        """Return the class of each row and, where the model has them, all probabilities."""
        found = self.probabilities(rows)
        if found is None:
            return super().predictions(rows)
        names, likely = found
        best = [names[int(code)] for code in likely.argmax(axis=1)]
        columns = {f"p({name})": likely[:, code].tolist() for code, name in enumerate(names)}
        return {"prediction": best, **columns}

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
    served : bool
        Whether the final model answers by itself, given rows alone: see `sluice.tasks.serving`.
    requirements : tuple of str
        Packages that the final model is loaded with, beside those of all.

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
    served: ClassVar[bool] = False
    requirements: ClassVar[tuple[str, ...]] = ()

    def __init__(self, given: Given) -> None:
        self.given = given

    @property
    def config(self) -> DatasetConfig:
        """What the dataset's `dataset.yaml` says."""
        return self.given.config

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
