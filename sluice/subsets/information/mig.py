"""MIG: rows that add most information over a graph of labels.

Chen and others, MIG: Automatic Data Selection for Instruction Tuning by Maximizing Information
Gain in Semantic Space (arXiv 2504.13835). A row carries its quality on each of its labels; labels
that resemble each other share it; what a label has already counts less and less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sluice.core.arrays import number_array, one_number_each
from sluice.core.budgets import parse_budget
from sluice.core.errors import ConfigError, DataError
from sluice.subsets.contract import Picks, Pool, Selection, Selector
from sluice.subsets.information.information_greedy import Greedy, lazy_greedy
from sluice.subsets.information.label_graph import (
    check_graph_options,
    checked_similarity,
    propagation,
    row_information,
    similar_labels,
)
from sluice.subsets.plain_arrays import as_selection, usable_by

if TYPE_CHECKING:
    from scipy.sparse import csr_array

GAINS = ("gradient", "exact")


def mig(
    rows: Any,
    quality: ArrayLike,
    similarity: Any,
    budget: int | float | str,
    *,
    threshold: float = 0.9,
    scale: float = 1.0,
    gain: str = "gradient",
    normalised: bool = False,
) -> Selection:
    """Pick rows that add most information over a graph of labels.

    Parameters
    ----------
    rows : sparse array or array-like, shape (N, L)
        1 where a row has a label, else 0. A label named twice counts once.
    quality : array-like, shape (N,)
        0 or more. Rows with NaN or an infinite number are set aside.
    similarity : sparse array or array-like, shape (L, L)
        Symmetric; what a sparse one does not store is 0. The diagonal counts as 1.
    budget : int, float or str
        A count, a share or a percentage of N.
    threshold : float
        Labels less similar than this do not share information.
    scale : float
        Factor of the similarities of different labels, after the threshold.
    gain : {"gradient", "exact"}
        First-order gain ``<x, phi'(E)>``, as in the paper, or ``Phi(E + x) - Phi(E)``.
    normalised : bool
        Whether a row's quality is shared among its labels.

    Returns
    -------
    Selection
        By position (int64), in rank order. Gains in the unit of `gain`.

    Raises
    ------
    DataError
        Shapes do not fit, rows are not 0 and 1, a quality is negative, or the similarity is not
        finite or not symmetric.
    BudgetError
        See `sluice.core.budgets.parse_budget`.
    ConfigError
        `threshold`, `scale` or `gain` is none of the values above.

    Notes
    -----
    Nested. Ties: lower position; so rows without a label, whose gain is 0, come last. Labels
    that no usable row has are no vertices of the graph, as in the paper. Cost: the entries of
    the propagated rows once, then some hundred rows a pick, see
    `sluice.subsets.information.information_greedy`. A dense similarity needs L^2 numbers.
    """
    _check_options(threshold, scale, gain)
    labels: Any = _checked_rows(rows)
    numbers = one_number_each("Qualities", quality, labels.shape[0], negative=False)
    alike = checked_similarity(similarity, labels.shape[1])
    count = parse_budget(budget, len(numbers))

    def spread(present: NDArray[np.int64]) -> csr_array:
        return propagation(alike[present][:, present], threshold, scale)

    found, usable, note = _greedy(labels, numbers, spread, count, gain, normalised)
    return as_selection("mig", _picks(found, usable, note, None), count)


def _core(
    pool: Pool,
    budget: int,
    seed: int,
    *,
    threshold: float = 0.9,
    scale: float = 1.0,
    gain: str = "gradient",
    normalised: bool = False,
) -> Picks:
    """Run `mig` on the tags of a pool, whose vectors give the similarity; see there.

    The seed is not used: the method is deterministic.
    """
    tags = pool.tags
    assert tags is not None
    _check_options(threshold, scale, gain)
    quality = one_number_each("Qualities", pool.scores["quality"], len(tags), negative=False)

    def spread(present: NDArray[np.int64]) -> csr_array:
        return propagation(similar_labels(tags.vectors[present], threshold), threshold, scale)

    labels = _checked_rows(tags.rows)
    found, usable, note = _greedy(labels, quality, spread, budget, gain, normalised)
    return _picks(found, usable, note, tags.names)


def _greedy(
    labels: Any,
    quality: NDArray[np.float64],
    spread: Any,
    budget: int,
    gain: str,
    normalised: bool,
) -> tuple[Greedy, NDArray[np.int64], str]:
    """Set rows aside, build the graph of the labels that are left, pick.

    Returns
    -------
    found : Greedy
        Positions among `usable`; labels as columns of `labels`.
    usable : ndarray of int64, shape (m,)
    note : str
    """
    usable, budget, note = usable_by(quality, budget, "quality is")
    if len(usable) < len(quality):
        labels, quality = labels[usable], quality[usable]
    present = np.unique(labels.indices).astype(np.int64)
    if len(present) < labels.shape[1]:
        labels = labels[:, present]
    information = row_information(labels, quality, spread(present), normalised)
    found = lazy_greedy(information, budget, exact=gain == "exact")
    named = np.append(present, -1)[found.labels]  # -1 stays -1
    return Greedy(found.positions, found.gains, named, found.information), usable, note


def _picks(
    found: Greedy, usable: NDArray[np.int64], note: str, names: tuple[str, ...] | None
) -> Picks:
    """Say why each row was kept."""
    reasons = [
        f"Raises the information of {_named(most, names)} most: gain {gain:.4g}."
        if gain > 0
        else "Fills the budget: it has no label, or no quality, to add information with."
        for gain, most in zip(found.gains.tolist(), found.labels.tolist(), strict=True)
    ]
    return Picks(usable[found.positions], found.gains, reasons, note)


def _named(labels: list[int], names: tuple[str, ...] | None) -> str:
    words = [
        f"label {label}" if names is None else repr(names[label]) for label in labels if label >= 0
    ]
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _checked_rows(rows: Any) -> csr_array:
    """Return the labels of rows in canonical CSR, or say what is wrong with them.

    Only where there is an entry counts from here on, not its value.
    """
    from scipy.sparse import csr_array, issparse

    given: Any = rows if issparse(rows) else number_array("Rows", rows)
    if given.ndim != 2 or not given.shape[0]:
        raise DataError(f"Rows have shape {given.shape}; give N x L, 1 where a row has a label.")
    # of the entries as given, before equal ones are added up
    values = np.asarray(given.tocoo().data if issparse(given) else given)
    if values.dtype.kind not in "biuf" or not ((values == 0) | (values == 1)).all():
        raise DataError("Rows hold other values than 0 and 1; give 1 where a row has a label.")
    labels = csr_array(given, dtype=np.float64, copy=True)
    labels.sum_duplicates()
    labels.eliminate_zeros()
    return labels


def _check_options(threshold: float, scale: float, gain: str) -> None:
    check_graph_options(threshold, scale)
    if gain not in GAINS:
        raise ConfigError(f"gain is {gain!r}; give 'gradient' or 'exact'.")


SELECTOR = Selector(
    name="mig",
    core=_core,
    version="1",
    needs=frozenset({"tags", "scores:quality"}),
    tasks=frozenset({"instructions"}),
    stochastic=False,
    nested=True,
    class_floor=False,
    summary="Good rows whose tags, and tags like them, are not yet well covered.",
    formula="argmax_i <x_i, phi'(E)>, phi(x) = (x + 1e-6)^0.8, x_i = quality_i tags_i P",
    paper="Chen and others, arXiv 2504.13835",
    cost="entries of the propagated tags, then some hundred rows a pick",
    options={"threshold": 0.9, "scale": 1.0, "gain": "gradient", "normalised": False},
    sets_aside=True,
)
