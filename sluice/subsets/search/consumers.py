"""What a subset is searched for: classifiers that are trained on it and judged on other rows.

Each consumer keeps what it can of its last training, so that a swap of a few rows costs less
than a training from scratch: 1-NN and the kernel machine change a few columns of a matrix, the
logistic regression starts from its last weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import DataError
from sluice.heads.families import make_classifier
from sluice.heads.fitting import fit_family
from sluice.subsets.search.kernel import KernelRidge
from sluice.subsets.search.linear import Logistic
from sluice.subsets.search.nearest import OneNearestNeighbour
from sluice.subsets.search.view import View

Commit = Callable[[], None]
Train = Callable[[NDArray[np.float32], NDArray[np.int64], int], Any]

LARGEST_SYSTEM = 2048


class Consumer(Protocol):
    """A classifier under search; slots are places of the subset, each holding one row."""

    name: str

    def start(self, view: View, kept: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
        """Train on the kept rows from scratch; return the class of each judged row."""
        ...

    def trial(
        self, slots: NDArray[np.int64], rows: NDArray[np.int64], kept: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], Commit]:
        """Train with `rows` in `slots`; return the classes, and what makes the change stay."""
        ...


class Refitted:
    """Any scikit-learn classifier, trained from scratch for each trial.

    Raises `DataError` where that fails.

    Parameters
    ----------
    name : str
    train : callable
        ``train(rows, labels, seed)`` returns a fitted classifier.
    """

    def __init__(self, name: str, train: Train) -> None:
        self.name = name
        self._train = train
        self._view: View | None = None
        self._seed = 0

    def start(self, view: View, kept: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
        """See `Consumer`."""
        self._view, self._seed = view, seed
        return self._fitted(kept)

    def trial(
        self, slots: NDArray[np.int64], rows: NDArray[np.int64], kept: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], Commit]:
        """See `Consumer`."""
        return self._fitted(kept), _nothing

    def _fitted(self, kept: NDArray[np.int64]) -> NDArray[np.int64]:
        view = self._view
        assert view is not None
        try:
            model = self._train(view.rows[kept], view.labels[kept], self._seed)
            answers = np.asarray(model.predict(view.judged))
        except Exception as error:
            raise DataError(
                f"The target {self.name} could not be trained on {len(kept)} rows: "
                f"{type(error).__name__}: {error}. Give a classifier that can, or another target."
            ) from error
        if answers.shape != (len(view.judged),) or not np.isin(answers, view.labels).all():
            raise DataError(
                f"The target {self.name} answered with other values than the classes; give a "
                "classifier."
            )
        return answers.astype(np.int64)


def _tree(rows: NDArray[np.float32], labels: NDArray[np.int64], seed: int) -> Any:
    """Fit a tree without the checks that cost as much as a small one."""
    return make_classifier("tree", seed).fit(rows, labels, check_input=False)


class Tree(Refitted):
    """A decision tree; its seed changes from one stretch of the search to the next."""

    def __init__(self, name: str = "tree", offset: int = 0) -> None:
        super().__init__(name, lambda rows, labels, seed: _tree(rows, labels, seed * 16 + offset))

    def _fitted(self, kept: NDArray[np.int64]) -> NDArray[np.int64]:
        view = self._view
        assert view is not None
        model = self._train(view.rows[kept], view.labels[kept], self._seed)
        counts = model.tree_.predict(view.judged)
        return model.classes_[counts.argmax(axis=1)].astype(np.int64)


def _nothing() -> None:
    """There is nothing to keep."""


@dataclass(frozen=True)
class Panel:
    """Who judges a subset.

    Attributes
    ----------
    consumers : list of Consumer
        Asked about every trial, in order of cost.
    confirming : list of Consumer
        More of the same names, asked about those trials that look better.
    words : str
        Who they are, for people.
    """

    consumers: list[Consumer]
    confirming: list[Consumer]
    words: str


def _trees(first: int, last: int) -> list[Consumer]:
    return [Tree("tree", offset) for offset in range(first, last)]


def general(budget: int) -> Panel:
    """Return the panel of the target ``"general"``.

    The kernel machine solves a system of `budget` rows a trial, so it is asked up to
    `LARGEST_SYSTEM` of them only.
    """
    kernel: list[Consumer] = [KernelRidge()] if budget <= LARGEST_SYSTEM else []
    consumers = [OneNearestNeighbour(), *kernel, *_trees(0, 2), Logistic()]
    return Panel(consumers, _trees(2, 12), "several families of models")


def named(family: str) -> Panel:
    """Return the panel of one family of `sluice.heads.families`.

    Raises
    ------
    UnknownNameError
        There is no such family.
    """
    make_classifier(family)
    words = family.replace("_", " ")
    if family == "one_nearest_neighbour":
        return Panel([OneNearestNeighbour()], [], words)
    if family == "logistic":
        return Panel([Logistic()], [], words)
    if family == "tree":
        return Panel(_trees(0, 2), _trees(2, 12), words)
    refitted = Refitted(family, lambda rows, labels, seed: fit_family(family, rows, labels, seed))
    return Panel([refitted], [], words)
