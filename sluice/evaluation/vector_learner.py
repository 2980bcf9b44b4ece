"""Learners on the rows' vectors: the logistic head, or a classifier of a named family."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import DataError
from sluice.core.progress import Advance
from sluice.evaluation.learner import Classifier, Examples, Given, Learner
from sluice.heads.fitting import fit_family
from sluice.heads.logistic import HeadConfig, fit_head

FAMILY_VERSION = "1"
SEED = 0


class Predictor(Protocol):
    """Anything that tells the class of a row."""

    def predict(self, x: NDArray[np.floating], /) -> NDArray[np.int64]:
        """Return the class of each row, shape (n,)."""
        ...


@dataclass(frozen=True)
class VectorModel(Classifier):
    """A classifier of vectors in memory."""

    predictor: Predictor
    names: Sequence[str]

    def answers(self, rows: Examples) -> list[str]:
        """Return the class of each row by name."""
        codes = np.asarray(self.predictor.predict(vectors_of(rows)), dtype=np.int64)
        return [self.names[int(code)] for code in codes]


class VectorLearner(Learner):
    """A logistic head, or the family that `evaluation.learner` names.

    Notes
    -----
    A family's seed is fixed (ours): two subsets then differ by their rows alone.
    """

    may_read: ClassVar[tuple[str, ...]] = ("embeddings",)
    default_family: ClassVar[str | None] = None

    def __init__(self, given: Given) -> None:
        super().__init__(given)
        self.family = given.config.evaluation.learner or self.default_family

    @property
    def trained(self) -> str:
        """The head's version, or the family and its seed."""
        if self.family is None:
            return HeadConfig().version
        return f"{self.family}-{FAMILY_VERSION}:seed={SEED}"

    @property
    def settings(self) -> list[str]:
        """Also what made the vectors."""
        return [self.version, self.trained, str(self.given.details["embeddings"]["encoder"])]

    @property
    def parameters(self) -> dict[str, Any]:
        """What is trained alone: the vectors are an input of their own, and no seed is read."""
        return {"head": self.trained}

    def train(
        self, rows: Examples, names: Sequence[str], seed: int, advance: Advance | None = None
    ) -> VectorModel:
        """Fit to the vectors; the seed is not used."""
        x, weight = vectors_of(rows), rows.weights
        if self.family is None:
            fitted: Predictor = fit_head(x, rows.labels, len(names), weight=weight)
        else:
            fitted = fit_family(self.family, x, rows.labels, SEED, weight=weight)
        if advance is not None:
            advance(len(rows))
        return VectorModel(fitted, names)


def saved_names(folder: Path) -> list[str]:
    """Return the classes that a saved model tells apart, in the order of its outputs."""
    labels = json.loads((folder / "config.json").read_text("utf-8"))["id2label"]
    return [str(labels[str(code)]) for code in range(len(labels))]


def vectors_of(rows: Examples) -> NDArray[np.floating]:
    """Return the vectors of rows.

    Raises
    ------
    DataError
        They have none.
    """
    if rows.vectors is None:
        raise DataError("The rows have no vectors, and this learner reads nothing else.")
    return rows.vectors
