"""Families of classifiers by name: what consumes a subset of a table.

All are scikit-learn estimators; none is written here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sluice.core.errors import UnknownNameError


def _one_nearest_neighbour(seed: int) -> Any:
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier(n_neighbors=1)


def _three_nearest_neighbours(seed: int) -> Any:
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier(n_neighbors=3)


def _tree(seed: int) -> Any:
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(random_state=seed)


def _logistic(seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=500, random_state=seed)


def _random_forest(seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(n_estimators=100, random_state=seed, n_jobs=1)


def _svm(seed: int) -> Any:
    from sklearn.svm import SVC

    return SVC(random_state=seed)


def _gradient_boosting(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(random_state=seed)


def _naive_bayes(seed: int) -> Any:
    from sklearn.naive_bayes import GaussianNB

    return GaussianNB()


FAMILIES: dict[str, Callable[[int], Any]] = {
    "one_nearest_neighbour": _one_nearest_neighbour,
    "three_nearest_neighbours": _three_nearest_neighbours,
    "tree": _tree,
    "logistic": _logistic,
    "random_forest": _random_forest,
    "svm": _svm,
    "gradient_boosting": _gradient_boosting,
    "naive_bayes": _naive_bayes,
}


def make_classifier(family: str, seed: int = 0) -> Any:
    """Return a fresh scikit-learn classifier.

    Parameters
    ----------
    family : str
        One of `FAMILIES`.
    seed : int
        Its `random_state`, where it has one.

    Raises
    ------
    UnknownNameError
        There is no such family; the message names the nearest.
    """
    if family not in FAMILIES:
        raise UnknownNameError.of("family", family, list(FAMILIES))
    return FAMILIES[family](seed)
