"""The teacher: what models that have not seen a row say of it, by its vector and by its words.

Ours, of known parts: out-of-fold prediction as in confident learning (Northcutt, Jiang and
Chuang, arXiv 1911.00068), a stacked mixture of two models (Wolpert, Stacked Generalization,
1992) and one temperature (`sluice.heads.temperature`).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sluice.core.arrays import whole_array
from sluice.core.errors import ConfigError, DataError
from sluice.core.randomness import keyed_bits
from sluice.heads.logistic import HeadConfig, fit_head
from sluice.heads.temperature import best_scale, cross_entropy, softmax

VERSION = "1"
FOLDS = 5
TEXT_C = 4.0
LEAST = 1e-6
"""Lower probabilities count as this: what a fold has not seen is unlikely, not ruled out."""

Predict = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float64]]
"""``predict(train, held) -> probabilities of the held rows``."""


@dataclass(frozen=True)
class Teacher:
    """What the teacher says of each row.

    Attributes
    ----------
    probabilities : ndarray of float64, shape (n, C)
        Of the mixture of the models by vectors and by words; rows sum to 1.
    by_vectors : ndarray of float64, shape (n, C)
        Of the model by vectors alone; the same where there is no text.
    labels : ndarray of int64, shape (n,)
        The given classes.
    """

    probabilities: NDArray[np.float64]
    by_vectors: NDArray[np.float64]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.labels)

    def of(self, positions: NDArray[np.int64]) -> Teacher:
        """Return what is said of some rows, in the order of the positions."""
        return Teacher(
            self.probabilities[positions], self.by_vectors[positions], self.labels[positions]
        )

    @property
    def own(self) -> NDArray[np.float64]:
        """The probability of each row's given class, shape (n,)."""
        return self.probabilities[np.arange(len(self)), self.labels]

    @property
    def agrees(self) -> NDArray[np.bool_]:
        """Whether no class is more probable than the given one, shape (n,)."""
        return self.own >= self.probabilities.max(axis=1)

    @property
    def errors(self) -> NDArray[np.float64]:
        """EL2N out of fold: ``|p(x) - onehot(y)|_2`` of each row, shape (n,)."""
        apart = self.probabilities.copy()
        apart[np.arange(len(self)), self.labels] -= 1.0
        return np.sqrt(np.square(apart).sum(axis=1))


def stratified_folds(
    ids: NDArray[np.str_], labels: NDArray[np.int64], *, folds: int = FOLDS, seed: int = 0
) -> NDArray[np.int64]:
    """Deal the rows of each class to folds in the order of a hash of (seed, id).

    Parameters
    ----------
    ids : ndarray of str, shape (n,)
        Unique.
    labels : ndarray of int64, shape (n,)
    folds : int
    seed : int

    Returns
    -------
    ndarray of int64, shape (n,)
        0 to ``folds - 1``. No class has two rows more in one fold than in another; a class begins
        at a fold of its own hash, so that small ones do not all meet in the first. Neither the
        order of the rows nor the numbers of the classes matter.
    """
    bits = keyed_bits(seed, ids)
    fold = np.empty(len(ids), dtype=np.int64)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        members = members[np.lexsort((ids[members], bits[members]))]
        fold[members] = (np.arange(len(members)) + int(bits[members[0]] >> 32)) % folds
    return fold


def teach_out_of_fold(
    embeddings: NDArray[np.floating],
    labels: NDArray[np.integer],
    *,
    ids: NDArray[np.str_],
    texts: list[str] | None = None,
    n_classes: int | None = None,
    folds: int = FOLDS,
    seed: int = 0,
) -> Teacher:
    """Predict every row by models trained on the other folds.

    One is a softmax regression (C = 1) on the vectors, the other, where there are texts, a
    logistic regression (C = 4) on tf-idf of words and pairs of words that occur in two rows at
    least, counts damped by logarithms. ``softmax(t (a log P_v + (1 - a) log P_w))`` mixes them,
    a in twentieths and t of least log-loss of the labels: two numbers learnt of all rows.

    Parameters
    ----------
    embeddings : ndarray of float, shape (n, d)
        Finite.
    labels : ndarray of int, shape (n,)
        0 to ``n_classes - 1``.
    ids : ndarray of str, shape (n,)
        Unique; they and the seed decide the folds.
    texts : list of str, length n, optional
        Each row's. Where no word is in two of them they are left out.
    n_classes : int, optional
        Default: the largest label plus one.
    folds : int
        At least 2.
    seed : int

    Returns
    -------
    Teacher

    Raises
    ------
    ConfigError
        `folds` is below 2.
    DataError
        Lengths disagree, a vector is not finite, or all rows are of one class: then there is
        nothing to be taught.

    Notes
    -----
    Deterministic; the order of the rows changes nothing. Idf weights are of all rows, which
    takes no label. O(`folds` x iterations x n x (d + words a text) x C) time, two float64 copies
    of the embeddings.
    """
    if folds < 2:
        raise ConfigError(f"The teacher needs at least 2 folds, got {folds}.")
    y = whole_array("Labels", labels)
    if not len(embeddings) == len(y) == len(ids) == (len(y) if texts is None else len(texts)):
        raise DataError(
            f"Embeddings, labels and ids differ in length: {len(embeddings)}, {len(y)}, {len(ids)}"
            + ("." if texts is None else f"; there are {len(texts)} texts.")
        )
    if len(np.unique(y)) < 2:
        raise DataError(
            f"All {len(y)} rows are of one class, so a teacher has nothing to tell apart. Give "
            "rows of two classes, or take a method that reads no teacher, such as k_medoids."
        )
    total = int(y.max()) + 1 if n_classes is None else n_classes
    order = np.argsort(ids, kind="stable")
    rows, names = embeddings[order], ids[order]
    y, numbers = canonical_classes(y[order], total)
    fold = stratified_folds(names, y, folds=folds, seed=seed)

    def by_vectors(train: NDArray[np.int64], held: NDArray[np.int64]) -> NDArray[np.float64]:
        return fit_head(rows[train], y[train], total, HeadConfig()).predict_proba(rows[held])

    vectors = _over_folds(fold, total, by_vectors)
    targets = (np.arange(total) == y[:, None]).astype(np.float64)
    alone = mixed = _sharpened(np.log(np.maximum(vectors, LEAST)), targets)
    by_words = None if texts is None else _by_words([texts[i] for i in order.tolist()], y, total)
    if by_words is not None:
        mixed = _mixed(vectors, _over_folds(fold, total, by_words), targets)
    back = np.argsort(order, kind="stable")
    return Teacher(mixed[back][:, numbers], alone[back][:, numbers], whole_array("Labels", labels))


def canonical_classes(
    labels: NDArray[np.int64], n_classes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number classes by their first row, so that another naming gives bit for bit the same.

    Parameters
    ----------
    labels : ndarray of int64, shape (n,)
        Of rows in ascending order of id.
    n_classes : int
        Classes without a row come last.

    Returns
    -------
    labels : ndarray of int64, shape (n,)
        In the new numbers.
    numbers : ndarray of int64, shape (n_classes,)
        The new number of each class.
    """
    there, first = np.unique(labels, return_index=True)
    absent = np.setdiff1d(np.arange(n_classes), there)
    numbers = np.empty(n_classes, dtype=np.int64)
    numbers[np.concatenate([there[np.argsort(first)], absent])] = np.arange(n_classes)
    return numbers[labels], numbers


def _over_folds(fold: NDArray[np.int64], n_classes: int, predict: Predict) -> NDArray[np.float64]:
    result = np.empty((len(fold), n_classes))
    for each in np.unique(fold):
        train, held = np.flatnonzero(fold != each), np.flatnonzero(fold == each)
        # So few rows that they share a fold: nothing is known of them.
        result[held] = predict(train, held) if len(train) else 1.0 / n_classes
    return result


def _by_words(texts: list[str], labels: NDArray[np.int64], n_classes: int) -> Predict | None:
    """Return a model of tf-idf, None where no word is in two texts."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    try:
        damped = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
        words = damped.fit_transform(texts)
    except ValueError:  # an empty vocabulary
        return None

    def predict(train: NDArray[np.int64], held: NDArray[np.int64]) -> NDArray[np.float64]:
        probabilities = np.zeros((len(held), n_classes))
        known = np.unique(labels[train])
        if len(known) == 1:
            probabilities[:, known] = 1.0
            return probabilities
        model = LogisticRegression(C=TEXT_C, max_iter=60, tol=1e-3)
        with warnings.catch_warnings():
            # A teacher that stops early is as good: its temperature is fitted afterwards.
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.filterwarnings("ignore", message="The number of unique classes")
            model.fit(words[train], labels[train])
        probabilities[:, known] = model.predict_proba(words[held])
        return probabilities

    return predict


def _sharpened(logits: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    return softmax(best_scale(logits, targets) * logits)


def _mixed(
    vectors: NDArray[np.float64], words: NDArray[np.float64], targets: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the mixture of least log-loss; ties: more of the words."""
    one, other = np.log(np.maximum(vectors, LEAST)), np.log(np.maximum(words, LEAST))
    best, result = np.inf, vectors
    for share in np.linspace(0, 1, 21):
        logits = share * one + (1 - share) * other
        logits *= best_scale(logits, targets)
        loss = cross_entropy(logits, targets)
        if loss < best:
            best, result = loss, softmax(logits)
    return result
