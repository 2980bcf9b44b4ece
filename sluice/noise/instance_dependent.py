"""Labels made wrong on purpose, depending on the row: noise whose truth is known.

The generator of EchoAlign's experiments, after Xia and others, Part-dependent Label Noise (arXiv
2006.07836): each row has a probability q of a wrong label, drawn from a truncated normal
distribution around the rate; which wrong class it gets depends on the row through a random
projection W of its true class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sluice.core.arrays import checked_labels, checked_vectors
from sluice.core.errors import ConfigError
from sluice.core.randomness import keyed_bits, uniform_of
from sluice.data.values.one_column import unique_ids
from sluice.graphs.canonical import TILE, halving_sum


@dataclass(frozen=True)
class NoisyLabels:
    """Labels with noise, and the probabilities they were drawn with.

    Attributes
    ----------
    labels : ndarray of int64, shape (n,)
    probabilities : ndarray of float64, shape (n, C)
        Rows sum to 1.
    """

    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]


def instance_dependent_noise(
    x: ArrayLike,
    y: ArrayLike,
    *,
    rate: float,
    ids: Sequence[str] | NDArray[np.str_],
    n_classes: int | None = None,
    spread: float = 0.1,
    calibrated: bool = True,
    seed: int = 0,
) -> NoisyLabels:
    """Draw a label for each row, wrong at about the given rate.

    ``q ~ TruncNormal(rate, spread; [0, 1])``, ``a = x^T W[y]`` with W of shape (C, d, C) and
    standard normal entries, ``a_y = -inf``, ``P = q softmax(a)``, ``P_y = 1 - q``.

    Parameters
    ----------
    x : array-like of float, shape (n, d)
        Rows as the noise sees them; the longer they are, the more a class's wrong labels agree.
    y : array-like of int, shape (n,)
        True classes.
    rate : float
        Share of rows that get a wrong label, in [0, 1).
    ids : sequence of str, length n
        Unique. A row's draws depend on the seed and its id, and on no other row.
    n_classes : int, optional
        At least 2. Default: the largest class plus one.
    spread : float
        Standard deviation of q before it is truncated.
    calibrated : bool
        Whether the normal distribution is shifted so that the mean of q is `rate` after the
        truncation (ours). Without it, as published, q is too large at low rates on average: 0.129
        at a rate of 0.1. At a rate of 0 no label is changed then.
    seed : int

    Returns
    -------
    NoisyLabels

    Raises
    ------
    DataError
        Shapes do not fit, or a value is not finite.
    ConfigError
        The rate, the spread or the number of classes is out of range.

    Notes
    -----
    Sums run in one fixed order. Cost: n d C; memory beside arrays and result: C d C numbers and a
    few MiB.
    """
    vectors = checked_vectors("The rows", x)
    labels = checked_labels(y, len(vectors), n_classes)
    classes = int(labels.max()) + 1 if n_classes is None else n_classes
    if classes < 2 or not spread > 0 or not 0.0 <= rate < 1.0:
        raise ConfigError(
            "Noise needs at least 2 classes, a spread above 0 and a rate from 0 to below 1, got "
            f"{classes}, {spread} and {rate}."
        )
    bits = keyed_bits(seed, unique_ids(ids, len(vectors)))
    wrong = _wrong_probability(uniform_of(bits, 0), rate, spread, calibrated)
    rng = np.random.default_rng([seed, classes, vectors.shape[1]])
    projections = rng.normal(size=(classes, vectors.shape[1], classes))
    probabilities = np.empty((len(labels), classes), dtype=np.float64)
    step = max(1, TILE // (vectors.shape[1] * classes))
    for one in np.unique(labels):
        across = np.ascontiguousarray(projections[one].T)
        members = np.flatnonzero(labels == one)
        for start in range(0, len(members), step):
            part = members[start : start + step]
            scores = halving_sum(vectors[part, None, :].astype(np.float64) * across[None])
            probabilities[part] = _probabilities(scores, int(one), wrong[part])
    return NoisyLabels(_drawn(probabilities, uniform_of(bits, 1)), probabilities)


def _probabilities(
    scores: NDArray[np.float64], true: int, wrong: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Softmax over the other classes, shrunk to `wrong`; the rest is the true class's."""
    scores[:, true] = -np.inf
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p *= (wrong / p.sum(axis=1))[:, None]
    p[:, true] = 1.0 - wrong
    return p


def _drawn(p: NDArray[np.float64], uniform: NDArray[np.float64]) -> NDArray[np.int64]:
    """First class at which the cumulated probability exceeds the uniform number."""
    cumulated = np.cumsum(p, axis=1)
    # the last sum is 1 but for rounding, and no number may fall beyond it
    cumulated /= cumulated[:, -1:]
    return (cumulated > uniform[:, None]).argmax(axis=1).astype(np.int64)


def _wrong_probability(
    uniform: NDArray[np.float64], rate: float, spread: float, calibrated: bool
) -> NDArray[np.float64]:
    """Draw q by the inverse of its distribution function."""
    from scipy.optimize import brentq
    from scipy.stats import truncnorm

    if calibrated and rate == 0.0:
        return np.zeros(len(uniform), dtype=np.float64)

    def bounds(centre: float) -> tuple[float, float]:
        return -centre / spread, (1.0 - centre) / spread

    def excess(centre: float) -> float:
        mean: Any = truncnorm.mean(*bounds(centre), loc=centre, scale=spread)
        return float(mean) - rate

    centre = float(rate)
    if calibrated:
        # far outside the mean of the truncated distribution is about spread^2 / distance
        reach = 1.0 + 2.0 * spread + spread**2 / min(rate, 1.0 - rate)
        found: Any = brentq(excess, -reach, 1.0 + reach)
        centre = float(found)
    q = truncnorm.ppf(uniform, *bounds(centre), loc=centre, scale=spread)
    return np.clip(np.asarray(q, dtype=np.float64), 0.0, 1.0)
