"""What models that have not seen a row think of it: soft labels to judge subsets by."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from sluice.heads.families import make_classifier

TREES = 200
FOLDS = 5
LARGEST_FOREST = 20_000
LARGEST_FOLD = 3000
STEPS = 10
LEAST = 1e-3
SHARPNESS = 3.0


@dataclass(frozen=True)
class Taught:
    """What the teacher says.

    Attributes
    ----------
    own : ndarray of float64, shape (n, C)
        Class probabilities of the rows it was taught, each by models that had not seen it.
    asked : ndarray of float64, shape (m, C)
        Class probabilities of further rows.
    """

    own: NDArray[np.float64]
    asked: NDArray[np.float64]


def teach(
    rows: NDArray[np.float32],
    labels: NDArray[np.int64],
    n_classes: int,
    further: NDArray[np.float32],
    seed: int,
) -> Taught:
    """Return class probabilities by models that were trained without the row.

    A random forest answers out of bag (Breiman, 2001); logistic regression and an RBF
    least-squares machine answer out of fold. Their mean is weighted for the least log-loss of
    the given labels, on a grid of tenths: stacking (Wolpert, 1992).

    Parameters
    ----------
    rows : ndarray of float32, shape (n, d)
    labels : ndarray of int64, shape (n,)
    n_classes : int
    further : ndarray of float32, shape (m, d)
    seed : int

    Notes
    -----
    Cost n log n sqrt(d) a tree, up to `LARGEST_FOREST` rows drawn at random; the other two train
    on `LARGEST_FOLD` rows at most. Beyond, the cost is linear in n.
    """
    answers = [
        out_of_bag(rows, labels, n_classes, further, seed),
        out_of_fold(rows, labels, n_classes, further, seed, "logistic"),
        out_of_fold(rows, labels, n_classes, further, seed, "kernel"),
    ]
    weights = _stacked([answer.own for answer in answers], labels)
    pairs = list(zip(weights, answers, strict=True))
    return Taught(
        np.asarray(sum(weight * answer.own for weight, answer in pairs)),
        np.asarray(sum(weight * answer.asked for weight, answer in pairs)),
    )


def _stacked(answers: list[NDArray[np.float64]], labels: NDArray[np.int64]) -> tuple[float, ...]:
    """Return the weights that give the least log-loss of the labels."""
    given = [answer[np.arange(len(labels)), labels] for answer in answers]
    best: tuple[float, tuple[float, ...]] = (np.inf, (1.0, 0.0, 0.0))
    for one, other in product(range(STEPS + 1), repeat=2):
        if one + other > STEPS:
            continue
        weights = (1 - (one + other) / STEPS, one / STEPS, other / STEPS)
        mixed = sum(weight * own for weight, own in zip(weights, given, strict=True))
        loss = -float(np.log(np.maximum(mixed, LEAST)).mean())
        if loss < best[0]:
            best = loss, weights
    return best[1]


def out_of_bag(
    rows: NDArray[np.float32],
    labels: NDArray[np.int64],
    n_classes: int,
    further: NDArray[np.float32],
    seed: int,
) -> Taught:
    """Ask a forest, each row only of the trees that have not seen it."""
    from sklearn.ensemble import RandomForestClassifier

    n = len(rows)
    inside = _drawn(np.arange(n), labels, LARGEST_FOREST, seed)
    forest = RandomForestClassifier(TREES, oob_score=True, random_state=seed, n_jobs=1)
    with warnings.catch_warnings():
        # of few rows some are in every tree: see below
        warnings.filterwarnings("ignore", message="Some inputs do not have OOB scores")
        forest.fit(rows[inside], labels[inside])
    columns = np.asarray(forest.classes_, np.int64)
    found = np.zeros((n, n_classes))
    found[inside[:, None], columns] = forest.oob_decision_function_
    outside = np.setdiff1d(np.arange(n), inside)
    if len(outside):
        found[outside[:, None], columns] = forest.predict_proba(rows[outside])
    # a row that every tree has seen has no vote: the class shares stand for it
    blank = ~(np.isfinite(found).all(axis=1) & (found.sum(axis=1) > 0))
    found[blank] = np.bincount(labels, minlength=n_classes) / n
    asked = np.zeros((len(further), n_classes))
    if len(further):
        asked[:, columns] = forest.predict_proba(further)
    return Taught(found, asked)


def out_of_fold(
    rows: NDArray[np.float32],
    labels: NDArray[np.int64],
    n_classes: int,
    further: NDArray[np.float32],
    seed: int,
    kind: str,
) -> Taught:
    """Ask ``"logistic"`` or ``"kernel"``, each row only of the model that has not seen it.

    The rows of a class are dealt out to the folds in turn, in a random order. Where the other
    folds hold one class only, the class shares stand for an answer. Further rows get the mean
    of all folds.
    """
    n = len(rows)
    folds = min(FOLDS, n)
    shares = np.bincount(labels, minlength=n_classes) / n
    order = np.random.default_rng([seed, 4]).permutation(n)
    order = order[np.argsort(labels[order], kind="stable")]
    fold = np.empty(n, dtype=np.int64)
    fold[order] = np.arange(n) % folds
    found = np.tile(shares, (n, 1))
    asked = np.zeros((len(further), n_classes))
    for held in range(folds):
        inside, out = np.flatnonzero(fold != held), np.flatnonzero(fold == held)
        inside = _drawn(inside, labels, LARGEST_FOLD, seed)
        if len(np.unique(labels[inside])) < 2:
            asked += shares / folds
            continue
        model = KernelMachine() if kind == "kernel" else make_classifier(kind, seed)
        model.fit(rows[inside], labels[inside])
        columns = np.asarray(model.classes_, np.int64)
        found[out] = 0.0
        found[out[:, None], columns] = model.predict_proba(rows[out])
        if len(further):
            asked[:, columns] += model.predict_proba(further) / folds
    return Taught(found, asked)


def _drawn(
    positions: NDArray[np.int64], labels: NDArray[np.int64], most: int, seed: int
) -> NDArray[np.int64]:
    """Draw at most so many positions, and one of each class at least; ascending."""
    if len(positions) <= most:
        return positions
    chosen = np.random.default_rng([seed, 5, len(positions)]).permutation(positions)
    _, first = np.unique(labels[chosen], return_index=True)
    return np.unique(np.concatenate([chosen[:most], chosen[first]]))


class KernelMachine:
    """Least squares in an RBF kernel, as `search.kernel`, with a softmax of its answers (ours)."""

    def fit(self, rows: NDArray[np.float32], labels: NDArray[np.int64]) -> KernelMachine:
        """Solve ``(K + I) W = Y``."""
        self.classes_ = np.unique(labels)
        self._rows = rows.astype(np.float64)
        self._norms = np.einsum("ij,ij->i", self._rows, self._rows)
        system = self._similar(self._rows)
        system[np.diag_indices_from(system)] += 1.0
        targets = np.where(labels[:, None] == self.classes_, 1.0, -1.0)
        self._weights = np.linalg.solve(system, targets)
        return self

    def predict_proba(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the softmax of `SHARPNESS` times the answers, shape (n, C)."""
        parts = [
            self._similar(rows[at : at + 4096].astype(np.float64)) @ self._weights
            for at in range(0, len(rows), 4096)
        ]
        answers = SHARPNESS * np.vstack(parts)
        answers = np.exp(answers - answers.max(axis=1, keepdims=True))
        return answers / answers.sum(axis=1, keepdims=True)

    def _similar(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        distances = -2.0 * (rows @ self._rows.T) + self._norms
        distances += np.einsum("ij,ij->i", rows, rows)[:, None]
        return np.exp(-np.maximum(distances, 0.0) / rows.shape[1])
