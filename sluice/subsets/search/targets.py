"""Whom a subset is searched for."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError
from sluice.subsets.search.consumers import Consumer, Panel, Refitted, Train, general, named
from sluice.subsets.search.view import View

FOLDS = 3
LARGEST = 3000


def panel_of(target: object, budget: int) -> Panel:
    """Return who judges for a target.

    Parameters
    ----------
    target : str or scikit-learn classifier
        ``"general"``, a name of `sluice.heads.families`, or an unfitted classifier, which is
        cloned.
    budget : int

    Raises
    ------
    ConfigError
        Neither of these; an unknown name is named with the nearest.
    """
    if isinstance(target, str):
        if target == "general":
            return general(budget)
        return named(target)
    if not all(hasattr(target, name) for name in ("fit", "predict", "get_params")):
        raise ConfigError(
            f"target is of type {type(target).__name__}; give 'general', the name of a family, or "
            "a scikit-learn classifier."
        )
    return Panel([Refitted(type(target).__name__, _cloning(target))], [], repr(target))


def _cloning(estimator: object) -> Train:
    def train(rows: NDArray[np.float32], labels: NDArray[np.int64], seed: int) -> Any:
        from sklearn.base import clone

        model = cast("Any", clone(cast("Any", estimator)))
        settable = model.get_params()
        if settable.get("random_state", 0) is None:
            model.set_params(random_state=seed)
        model.fit(rows, labels)
        return model

    return train


def references(
    rows: NDArray[np.float32],
    labels: NDArray[np.int64],
    n_classes: int,
    worth: NDArray[np.float64],
    consumers: list[Consumer],
    seed: int,
) -> dict[str, float]:
    """Return what each consumer reaches when it is trained on all rows: out of fold.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, d)
    labels : ndarray of int64, shape (n,)
    n_classes : int
    worth : ndarray of float64, shape (n, C)
    consumers : list of Consumer
    seed : int

    Returns
    -------
    dict of str to float
        Mean worth by name, over `FOLDS` folds of at most `LARGEST` rows.

    Raises
    ------
    DataError
        A consumer cannot be trained on these rows.
    """
    order = np.random.default_rng([seed, 3]).permutation(len(rows))[:LARGEST]
    # rows of one class are dealt out in turn, so that each fold has some where there are enough
    order = order[np.argsort(labels[order], kind="stable")]
    fold = np.arange(len(order)) % min(FOLDS, len(order))
    reached = {consumer.name: 1e-6 for consumer in consumers}
    share = {name: [c.name for c in consumers].count(name) * len(order) for name in reached}
    for held in range(fold.max() + 1):
        out = np.sort(order[fold == held])
        train = np.sort(order[fold != held]) if len(order) > 1 else out
        view = View(rows, labels, n_classes, rows[out], worth[out])
        for consumer in consumers:
            answers = consumer.start(view, train, 0)
            reached[consumer.name] += view.value(answers) * len(out) / share[consumer.name]
    return reached
