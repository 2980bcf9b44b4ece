"""Kernel herding of each class: rows whose mean stays close to the mean of the class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError
from sluice.core.progress import track
from sluice.core.randomness import keyed_bits
from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.describe import class_name
from sluice.subsets.quotas import class_quotas, interleave

SAMPLE = 1000
"""Rows between which the median distance is taken: exact up to there."""

TILE = 4096
"""Rows whose features are made at once."""


def herding(pool: Pool, budget: int, seed: int, *, features: int = 512) -> Picks:
    """Pick rows one after another where the picks so far lack most of the class's mean.

    ``x_t = argmax_x <w_t, phi(x)>, w_{t+1} = w_t + mu - phi(x_t), w_1 = mu``, with mu the mean
    of phi over the class (Welling, Herding Dynamical Weights to Learn, ICML 2009; with kernels:
    Chen, Welling and Smola, Super-Samples from Kernel Herding, UAI 2010, arXiv 1203.3472). phi
    are random Fourier features of the RBF kernel ``exp(-|x - y|^2 / 2 s^2)`` (Rahimi and Recht,
    NIPS 2007): `features` / 2 frequencies, a cosine and a sine each.

    Ours: s is the median distance between rows that differ (of a keyed sample where there are
    many); no row is picked twice; classes take turns by Webster's method with a floor of one.

    Parameters
    ----------
    pool : Pool
        Sorted by id, with embeddings and labels.
    budget : int
        From 1 to n.
    seed : int
        Draws the frequencies and the sample.
    features : int
        Length of phi, even. The kernel's error falls with its square root.

    Returns
    -------
    Picks
        Gain: ``<w_t, phi(x_t)>``, what the picks before it lack of the class around the row.

    Raises
    ------
    ConfigError
        `features` is no positive even integer.

    Notes
    -----
    Nested. Ties go to the lower id, exactly so among equal rows. Cost: n (b / C) `features`,
    one pass over a class for each of its picks. Memory: n `features` float32 for the largest
    class.
    """
    rows, labels = pool.embeddings, pool.labels
    assert rows is not None
    assert labels is not None
    frequencies = _frequencies(pool, rows, seed, _checked(features))
    sizes = np.bincount(labels)
    quotas = class_quotas(sizes, budget)
    rank, gain = np.zeros(len(labels), dtype=np.int64), np.zeros(len(labels))
    ranking: list[NDArray[np.int64]] = []
    with track("herding", budget) as advance:
        for c in np.flatnonzero(sizes):
            members = np.flatnonzero(labels == c)
            picks, gains = herd(rows[members], frequencies, int(quotas[c]))
            rank[members[picks]] = np.arange(1, len(picks) + 1)
            gain[members[picks]] = gains
            ranking += [members[picks], members[np.delete(np.arange(len(members)), picks)]]
            advance(int(quotas[c]))
    positions = interleave(labels, np.concatenate(ranking), budget)
    reasons = [
        f"Number {rank[p]} of class {class_name(pool, int(labels[p]))}: closest to what the mean "
        f"of its {sizes[labels[p]]} rows has and those before it lack ({gain[p]:.4f})."
        for p in positions
    ]
    return Picks(positions, gain[positions], reasons)


def herd(
    rows: NDArray[np.float32], frequencies: NDArray[np.float64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Herd the rows of one class.

    Parameters
    ----------
    rows : ndarray of float32, shape (m, d)
        In ascending order of id.
    frequencies : ndarray of float64, shape (d, D / 2)
    count : int
        Rows wanted, from 0 to m.

    Returns
    -------
    picks : ndarray of int64, shape (count,)
        Distinct positions in the order picked; the first ones do not depend on `count`.
    gains : ndarray of float64, shape (count,)

    Notes
    -----
    Copies share one row of features, so that they tie exactly and go by id.
    """
    if not count:
        return np.empty(0, dtype=np.int64), np.empty(0)
    _, first, which, copies = np.unique(
        rows, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    # in order of the first id, so that argmax takes the lower id of equal scores
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    which, copies = place[which.ravel()], copies[order]
    queue = np.argsort(which, kind="stable")
    begin, end = np.cumsum(copies) - copies, np.cumsum(copies)
    phi = fourier_features(rows[first[order]], frequencies)
    mean = _weighted_sum(phi, copies) / len(rows)
    weight = mean.copy()
    picks, gains = np.empty(count, dtype=np.int64), np.empty(count)
    spent = np.zeros(len(phi), dtype=bool)
    for step in range(count):
        scores = phi @ weight.astype(np.float32)
        scores[spent] = -np.inf
        best = int(np.argmax(scores))
        picks[step], gains[step] = queue[begin[best]], scores[best]
        begin[best] += 1
        spent[best] = begin[best] == end[best]
        weight += mean - phi[best]
    return picks, gains


def _weighted_sum(phi: NDArray[np.float32], weights: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sum of the rows in float64, without a float64 copy of them all."""
    total = np.zeros(phi.shape[1])
    for start in range(0, len(phi), TILE):
        part = slice(start, start + TILE)
        total += weights[part].astype(np.float64) @ phi[part].astype(np.float64)
    return total


def fourier_features(
    rows: NDArray[np.float32], frequencies: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Cosines and sines of the rows at random frequencies, of unit norm.

    Parameters
    ----------
    rows : ndarray of float32, shape (m, d)
    frequencies : ndarray of float64, shape (d, D / 2)

    Returns
    -------
    ndarray of float32, shape (m, D)
        ``<phi(x), phi(y)>`` estimates the kernel of x and y; it is 1 for x and itself.
    """
    half = frequencies.shape[1]
    phi = np.empty((len(rows), 2 * half), dtype=np.float32)
    for start in range(0, len(rows), TILE):
        part = slice(start, start + TILE)
        angles = rows[part].astype(np.float64) @ frequencies
        phi[part, :half] = np.cos(angles)
        phi[part, half:] = np.sin(angles)
    phi *= np.float32(half**-0.5)
    return phi


def _frequencies(
    pool: Pool, rows: NDArray[np.float32], seed: int, features: int
) -> NDArray[np.float64]:
    from scipy.spatial.distance import pdist

    sample = np.sort(np.argsort(keyed_bits(seed, pool.ids), kind="stable")[:SAMPLE])
    distances = pdist(rows[sample].astype(np.float64))
    # among copies the median of all would be 0
    apart = distances[distances > 0]
    width = float(np.median(apart)) if len(apart) else 1.0
    key = keyed_bits(seed, np.array(["herding: frequencies"]))
    rng = np.random.default_rng(int(key[0]))
    return rng.normal(size=(rows.shape[1], features // 2)) / width


def _checked(features: object) -> int:
    if isinstance(features, bool) or not isinstance(features, (int, np.integer)):
        raise ConfigError(f"features is {features!r}; give a positive even integer.")
    if features < 2 or features % 2:
        raise ConfigError(f"features is {features!r}; give a positive even integer.")
    return int(features)


SELECTOR = Selector(
    name="herding",
    core=herding,
    version="1",
    needs=frozenset({"embeddings", "labels"}),
    tasks=frozenset({"text", "tabular"}),
    stochastic=True,
    nested=True,
    class_floor=True,
    summary="Rows whose mean, in a kernel's features, stays close to the mean of their class.",
    formula="argmax_x <w, phi(x)>, then w += mean of phi - phi(x), in each class",
    paper="Chen, Welling and Smola, UAI 2010 (arXiv 1203.3472); Welling, ICML 2009",
    cost="n (b / C) D, D the features",
    options={"features": 512},
)
