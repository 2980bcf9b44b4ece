"""Whether labelled rows and a model's answers fit the rows that may be asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sluice.core.arrays import check_unique, checked_labels, checked_probabilities, checked_vectors
from sluice.core.errors import DataError
from sluice.heads.answers import Answers, Labelled, Matrix


def checked_known(
    labelled: Labelled | None,
    answers: Answers | None,
    ids: NDArray[np.str_],
    embeddings: NDArray[np.float32] | None,
) -> tuple[Labelled | None, Answers | None]:
    """Return the labelled rows in ascending order of id, and the answers as float64.

    Parameters
    ----------
    labelled : Labelled or None
    answers : Answers or None
    ids : ndarray of str, shape (n,)
        Of the unlabelled rows.
    embeddings : ndarray of float32, shape (n, d), or None

    Returns
    -------
    labelled : Labelled or None
    answers : Answers or None

    Raises
    ------
    DataError
        A row is both labelled and not, shapes disagree, a label is no class, a vector or a
        number is not finite, or probabilities do not add up to 1.
    """
    if labelled is None and answers is None:
        return None, None
    m = None if labelled is None else len(labelled.ids)
    checked = None if answers is None else _checked_answers(answers, len(ids), m)
    if labelled is None:
        return None, checked
    _check_labelled(labelled, ids, embeddings)
    order = np.argsort(labelled.ids, kind="stable")
    if checked is not None and checked.of_labelled is not None:
        checked = replace(checked, of_labelled=checked.of_labelled[order])
    return labelled.of(order), checked


def _check_labelled(
    labelled: Labelled, ids: NDArray[np.str_], embeddings: NDArray[np.float32] | None
) -> None:
    m = len(labelled.ids)
    check_unique(labelled.ids, " among the labelled rows")
    # few are labelled: to look each up is cheaper than to sort all
    known = set(labelled.ids.tolist())
    both = [name for name in ids.tolist() if name in known]
    if both:
        raise DataError(
            f"Row {both[0]!r} is among the labelled rows and among those that may be asked "
            "for; leave it out of one of them."
        )
    rows = checked_vectors(
        "The vectors of the labelled rows", labelled.embeddings, m, ids=labelled.ids
    )
    if embeddings is not None and embeddings.shape[1:] != rows.shape[1:]:
        raise DataError(
            f"The vectors of the labelled rows have shape {rows.shape}, and those of the others "
            f"{embeddings.shape}; embed both alike."
        )
    checked_labels(labelled.labels, m, labelled.n_classes, name="The labels of the labelled rows")


def _checked_answers(answers: Answers, n: int, m: int | None) -> Answers:
    known: dict[str, Matrix] = {}
    for name in ("probabilities", "of_labelled"):
        given = getattr(answers, name)
        if given is not None:
            known[name] = checked_probabilities(given)
    for name in ("passes", "committee"):
        given = getattr(answers, name)
        if given is not None:
            known[name] = _stacked(name, given)
    for name in ("hidden", "separation", "perturbation", "words"):
        given = getattr(answers, name)
        if given is not None:
            known[name] = _finite(name, given)
    layers = {name: _finite(f"layer {name!r}", each) for name, each in answers.layers.items()}
    result = Answers(**known, layers=layers)
    for name, values in [*known.items(), *layers.items()]:
        rows = values.shape[1] if name in ("passes", "committee") else len(values)
        if rows != (m if name == "of_labelled" else n):
            kind = "labelled rows" if name == "of_labelled" else "rows"
            raise DataError(
                f"The answers {name!r} are of {rows} rows; give those of the "
                f"{m if name == 'of_labelled' else n} {kind}."
            )
    return result


def _stacked(name: str, given: Matrix) -> Matrix:
    values = np.asarray(given, dtype=np.float64)
    if values.ndim != 3 or not len(values):
        raise DataError(
            f"The {name} have shape {values.shape}; give probabilities of shape (how many, rows, "
            "classes)."
        )
    flat = checked_probabilities(values.reshape(-1, values.shape[2]))
    return flat.reshape(values.shape)


def _finite(name: str, given: Matrix) -> Matrix:
    values = np.asarray(given, dtype=np.float64)
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))[0])
        raise DataError(f"The answers {name!r} of row {row} are not finite; leave that row out.")
    return values
