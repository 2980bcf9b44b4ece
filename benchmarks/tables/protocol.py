"""One fold of one table: what is encoded, what is selected, what is measured.

Ten stratified folds (`StratifiedKFold`, shuffled, random_state 0; fewer where the smallest class
has fewer rows). Imputing, one-hot coding and scaling are fitted on the training fold, of which
alone a selector sees anything. Then each consumer is trained on the kept rows and scored on the
test fold. All consumers have scikit-learn's defaults but for the seed, unless their line in
`OBJECTIVE` or `OUTSIDE` says otherwise; gradient boosting with its default early stopping (above
10,000 rows) and leaves of at least 20 rows, which on a subset of fewer than 40 rows leaves it
nothing but the class shares. 3-NN uses as many neighbours as there are rows, up to three.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.tables.data import load

OBJECTIVE = ("one_nearest_neighbour", "tree", "logistic")
"""The three consumers whose families `subset_search` may have in its objective."""

OUTSIDE = (
    "random_forest",
    "svm",
    "three_nearest_neighbours",
    "gradient_boosting",
    "naive_bayes",
)
"""Consumers that are in no objective, of any selector."""

CONSUMERS = OBJECTIVE + OUTSIDE
"""In the order in which cells list their accuracies."""

SEED = 101
"""Of every consumer: no objective uses it. Trees are averaged over this and the next four."""

TREES = 5
FOLDS = 10
SVM_ROWS = 20_000
"""An SVM is trained where the training fold has at most so many rows; it is n-squared."""

TEST_ROWS = 20_000
"""Larger test folds (census-income, flights) are sampled down to so many rows, with seed 0."""

CATEGORIES = 64
"""Of a column of text the 63 most frequent values have a column each, the others share one."""


@dataclass(frozen=True)
class Fold:
    """An encoded fold.

    Attributes
    ----------
    dataset : str
    number : int
        Of the fold, from 0.
    ids : ndarray of str, shape (n,)
        Of the training rows, ascending: their positions in the table, padded with zeros.
    train, test : ndarray of float32, shapes (n, d) and (m, d)
    train_labels, test_labels : ndarray of int64, shapes (n,) and (m,)
        Of the table's class codes.
    classes : tuple of str
    """

    dataset: str
    number: int
    ids: NDArray[np.str_]
    train: NDArray[np.float32]
    train_labels: NDArray[np.int64]
    test: NDArray[np.float32]
    test_labels: NDArray[np.int64]
    classes: tuple[str, ...]


@lru_cache(maxsize=1)
def fold_of(dataset: str, number: int) -> Fold:
    """Split and encode one fold of a table.

    Raises
    ------
    ValueError
        The table has no such fold: its smallest class has too few rows.
    """
    from sklearn.model_selection import StratifiedKFold

    table = load(dataset)
    count = min(FOLDS, int(np.bincount(table.labels).min()))
    if number >= count:
        raise ValueError(f"{dataset} has {count} folds; there is no fold {number}")
    splitter = StratifiedKFold(count, shuffle=True, random_state=0)
    train, test = list(splitter.split(table.labels, table.labels))[number]
    if len(test) > TEST_ROWS:
        test = np.sort(np.random.default_rng(0).choice(test, TEST_ROWS, replace=False))
    encoder = _encoder(table.features)
    rows = encoder.fit_transform(table.features.iloc[train])
    ids = np.char.zfill(train.astype(str), len(str(len(table.labels))))
    return Fold(
        dataset,
        number,
        ids,
        np.ascontiguousarray(rows, dtype=np.float32),
        table.labels[train],
        np.ascontiguousarray(encoder.transform(table.features.iloc[test]), dtype=np.float32),
        table.labels[test],
        table.classes,
    )


def _encoder(frame: Any) -> Any:
    """Impute the median with an indicator, code texts one-hot, then scale every column."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    texts = [name for name in frame.columns if frame[name].dtype.kind not in "fiub"]
    numbers = [name for name in frame.columns if name not in texts]
    one_hot = OneHotEncoder(
        handle_unknown="ignore", max_categories=CATEGORIES, sparse_output=False, dtype=np.float32
    )
    impute = SimpleImputer(strategy="median", add_indicator=True)
    columns = ColumnTransformer([("numbers", impute, numbers), ("texts", one_hot, texts)])
    return make_pipeline(columns, StandardScaler())


def budget_of(fold: Fold, share: float) -> int:
    """Rows of a budget: the share, rounded, and never below one row a class."""
    return max(round(share * len(fold.ids)), len(np.unique(fold.train_labels)))


def measure(fold: Fold, positions: NDArray[np.int64]) -> dict[str, Any]:
    """Train every consumer on some training rows and score it on the test fold.

    Returns
    -------
    dict
        ``acc`` and ``bal``: accuracy and balanced accuracy, in the order of `CONSUMERS`, None
        where one was not trained; ``eval_s``: CPU seconds of it all; ``failed``: the error by
        family, where a fit failed.
    """
    began = time.process_time()
    rows, labels = fold.train[positions], fold.train_labels[positions]
    accuracies: list[float | None] = []
    balanced: list[float | None] = []
    failed: dict[str, str] = {}
    for family in CONSUMERS:
        scores = np.full((1, 2), np.nan)
        if family != "svm" or len(fold.ids) <= SVM_ROWS:
            try:
                scores = [_score(fold, rows, labels, family, seed) for seed in _seeds(family)]
            except ValueError as error:
                failed[family] = str(error)[:200]
        means = [round(float(mean), 5) for mean in np.mean(scores, axis=0)]
        accuracies.append(None if np.isnan(means[0]) else means[0])
        balanced.append(None if np.isnan(means[1]) else means[1])
    outcome = {"acc": accuracies, "bal": balanced}
    seconds = round(time.process_time() - began, 2)
    return outcome | {"eval_s": seconds} | ({"failed": failed} if failed else {})


def _seeds(family: str) -> range:
    return range(SEED, SEED + (TREES if family == "tree" else 1))


def _score(
    fold: Fold, rows: NDArray[np.float32], labels: NDArray[np.int64], family: str, seed: int
) -> tuple[float, float]:
    """Accuracy and balanced accuracy of one fitted classifier."""
    from sklearn.metrics import accuracy_score, balanced_accuracy_score

    from sluice.heads.families import make_classifier

    model = make_classifier(family, seed)
    if family == "three_nearest_neighbours":
        model.set_params(n_neighbors=min(3, len(rows)))
    with warnings.catch_warnings():
        # a logistic regression that stops at 500 iterations, and a class that no test row has
        warnings.simplefilter("ignore")
        given = model.fit(rows, labels).predict(fold.test)
        accuracy = accuracy_score(fold.test_labels, given)
        return float(accuracy), float(balanced_accuracy_score(fold.test_labels, given))
