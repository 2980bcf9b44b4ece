"""Classifiers of a family fitted to a subset, however few its rows and classes are."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError, DataError
from sluice.heads.families import make_classifier


def fit_family(
    family: str,
    x: NDArray[np.floating],
    y: NDArray[np.integer],
    seed: int = 0,
    *,
    weight: NDArray[np.floating] | None = None,
) -> Any:
    """Fit a family's classifier to some rows.

    Parameters
    ----------
    family : str
        One of `sluice.heads.families.FAMILIES`.
    x : ndarray of float, shape (n, d)
    y : ndarray of int, shape (n,)
        Class of each row.
    seed : int
    weight : ndarray of float, shape (n,), optional
        Weight of each row, above 0; every row weighs 1 by default.

    Returns
    -------
    scikit-learn classifier
        Fitted. Rows of one class alone give the constant predictor of that class, and a
        classifier that asks k neighbours asks no more than there are rows.

    Raises
    ------
    DataError
        If there is no row, or `x` and `y` differ in length.
    UnknownNameError
        There is no such family.
    ConfigError
        It takes no weights, and they are not all equal.
    """
    if len(x) == 0 or len(x) != len(y):
        raise DataError(
            f"A classifier cannot be trained on {len(x)} rows and {len(y)} labels; give as many "
            "of both, and at least one."
        )
    model = make_classifier(family, seed)
    if len(np.unique(y)) == 1:
        from sklearn.dummy import DummyClassifier

        model = DummyClassifier(strategy="most_frequent")
    elif hasattr(model, "n_neighbors"):
        model.set_params(n_neighbors=min(model.n_neighbors, len(x)))
    with warnings.catch_warnings():
        # A small subset may have hardly more rows than classes; they are classes all the same.
        warnings.filterwarnings("ignore", message="The number of unique classes")
        if weight is None or np.ptp(weight) == 0:
            return model.fit(x, y)
        from sklearn.utils.validation import has_fit_parameter

        if not has_fit_parameter(model, "sample_weight"):
            raise ConfigError(
                f"A classifier of the family {family} takes no weights of rows. Name another, "
                "such as random_forest or logistic, or leave the weights out."
            )
        return model.fit(x, y, sample_weight=weight)
