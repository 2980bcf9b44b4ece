"""Training on the labelled rows, and asking what strategies read of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import DataError
from sluice.core.randomness import keyed_bits, uniform_of
from sluice.heads.answers import Answers, Labelled, Matrix
from sluice.heads.logistic import Head, fit_head
from sluice.heads.network import NetworkConfig, fit_network
from sluice.heads.perturbation import deep_fool, separations

PASSES, MEMBERS = 10, 5
SHARE = 0.632
"""Share of the labelled rows that a member of the committee is trained on: a bootstrap's."""

OF_NETWORK = frozenset({"passes", "layers", "perturbation"})
"""Parts of which a strategy that reads one is answered by the network, and not by the head."""


def answers_of(
    needs: Iterable[str],
    rows: NDArray[np.float32],
    labelled: Labelled,
    seed: int,
    *,
    words: Callable[[Head], Matrix] | None = None,
    config: NetworkConfig | None = None,
) -> Answers | None:
    """Train on the labelled rows and answer what a strategy needs.

    Parameters
    ----------
    needs : iterable of str
        Of `sluice.subsets.queries.registry.needs_of`.
    rows : ndarray of float32, shape (n, d)
        Vectors of the unlabelled rows.
    labelled : Labelled
        In ascending order of id.
    seed : int
        Of the network, of its passes and of the committee.
    words : callable, optional
        ``words(head) -> (n,)``: see `Answers.words`.
    config : NetworkConfig, optional

    Returns
    -------
    Answers or None
        None where the strategy needs no model.

    Raises
    ------
    DataError
        There are labels of fewer than two classes, or `words` is needed and not given.

    Notes
    -----
    The logistic head answers; the network does for parts of `OF_NETWORK`, and then the
    probabilities are its own, too. The committee are `MEMBERS` heads, each on a keyed draw of
    63 % of the labelled rows (ours), every class kept.
    """
    parts = {need.partition(":")[2] for need in needs if need.startswith("answers:")}
    if not parts:
        return None
    _check_classes(labelled)
    if parts & OF_NETWORK:
        answers = _by_network(parts, rows, labelled, seed, config)
    else:
        answers = _by_head(parts, rows, labelled, words)
    if "committee" in parts:
        answers = replace(answers, committee=_committee(rows, labelled, seed))
    return answers


def _check_classes(labelled: Labelled) -> None:
    seen = np.unique(labelled.labels)
    if len(seen) < 2:
        held = "There is no label yet" if not len(seen) else "All labels are of one class"
        raise DataError(
            f"{held}, so that no model can be trained. Label rows of two classes, or ask by a "
            "strategy that needs no model, such as core_set, k_means, prob_cover or random."
        )


def _by_head(
    parts: set[str],
    rows: NDArray[np.float32],
    labelled: Labelled,
    words: Callable[[Head], Matrix] | None,
) -> Answers:
    head = fit_head(labelled.embeddings, labelled.labels, labelled.n_classes)
    answers = Answers(probabilities=head.predict_proba(rows))
    if "hidden" in parts:
        answers = replace(answers, hidden=rows.astype(np.float64))
    if "of_labelled" in parts:
        answers = replace(answers, of_labelled=head.predict_proba(labelled.embeddings))
    if "separation" in parts:
        answers = replace(answers, separation=_second(head, rows))
    if "words" in parts:
        if words is None:
            raise DataError("This strategy reads gradients by words; give texts and an encoder.")
        answers = replace(answers, words=words(head))
    return answers


def _second(head: Head, rows: NDArray[np.float32]) -> Matrix:
    """Distance to the hyperplane between the two best classes that the head has seen."""
    logits = rows.astype(np.float64) @ head.weights.T + head.intercepts
    far = separations(logits, head.weights)
    second = np.argsort(-logits, axis=1, kind="stable")[:, 1]
    return far[np.arange(len(rows)), second]


def _by_network(
    parts: set[str],
    rows: NDArray[np.float32],
    labelled: Labelled,
    seed: int,
    config: NetworkConfig | None,
) -> Answers:
    network = fit_network(labelled.embeddings, labelled.labels, labelled.n_classes, seed, config)
    answers = Answers(
        probabilities=network.predict_proba(rows),
        of_labelled=network.predict_proba(labelled.embeddings),
    )
    if "hidden" in parts:
        answers = replace(answers, hidden=network.hidden(rows))
    if "passes" in parts:
        answers = replace(answers, passes=network.passes(rows, PASSES, seed))
    if "layers" in parts:
        answers = replace(answers, layers=network.gradient_lengths(rows))
    if "perturbation" in parts:
        answers = replace(answers, perturbation=deep_fool(network, rows))
    return answers


def _committee(rows: NDArray[np.float32], labelled: Labelled, seed: int) -> Matrix:
    bits = keyed_bits(seed, labelled.ids)
    members: list[Matrix] = []
    for member in range(MEMBERS):
        draws = uniform_of(bits, member)
        taken = draws < SHARE
        for label in np.unique(labelled.labels):
            of_class = np.flatnonzero(labelled.labels == label)
            taken[of_class[draws[of_class].argmin()]] = True
        at = np.flatnonzero(taken)
        head = fit_head(labelled.embeddings[at], labelled.labels[at], labelled.n_classes)
        members.append(head.predict_proba(rows))
    return np.stack(members)
