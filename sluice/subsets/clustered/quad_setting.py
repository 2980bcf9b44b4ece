"""What Quad's rounds start from: options, influences asked for, rows in order of visit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sluice.core.arrays import one_number_each
from sluice.core.errors import ConfigError, UnknownNameError
from sluice.core.randomness import keyed_bits, uniform_of
from sluice.subsets.clustered.plain_vectors import whole

Influences = Callable[[NDArray[np.int64]], NDArray[np.float64]]

PROBE = 500
"""Most rows of the probe: those that the paper scores in its first round."""

ORDER = 1
"""Which of a row's keyed numbers orders its cluster; the first one keys the start of k-means."""


@dataclass(frozen=True)
class Options:
    """Options of `sluice.subsets.clustered.quad.quad`; see there."""

    pull: int = 10
    arms: int | None = None
    slice_rows: int | None = None
    threshold: float | None = None
    alpha: float | None = None
    distance: float = 0.2
    mode: str = "paper"
    rounds: int | None = None
    fill: bool = True

    def checked(self) -> Options:
        """Return these options, or raise ConfigError."""
        whole("pull", self.pull)
        for name in ("arms", "slice_rows", "rounds"):
            if getattr(self, name) is not None:
                whole(name, getattr(self, name))
        if self.slice_rows is not None and self.slice_rows < self.pull:
            raise ConfigError(
                f"slice_rows is {self.slice_rows} and pull {self.pull}; a slice holds at least "
                "the rows that are scored of it."
            )
        if self.threshold is not None and not np.isfinite(self.threshold):
            raise ConfigError(f"threshold is {self.threshold!r}; give a finite number.")
        for name, value in (("alpha", self.alpha), ("distance", self.distance)):
            if value is not None and not 0 <= value < np.inf:
                raise ConfigError(f"{name} is {value!r}; give a finite number of 0 or more.")
        if self.mode not in ("paper", "reference"):
            raise UnknownNameError.of("mode of quad", self.mode, ["paper", "reference"])
        return self


class Asked:
    """Influences known so far: each row is asked for once.

    Parameters
    ----------
    influence : callable
    n : int
        Rows there are.
    """

    def __init__(self, influence: Influences, n: int) -> None:
        self.influence = influence
        self.values = np.full(n, np.nan)
        self.known = np.zeros(n, dtype=np.bool_)

    def of(self, positions: NDArray[np.int64]) -> NDArray[np.float64]:
        """Influence of some rows, NaN where it is not finite; shapes (m,) and (m,).

        Raises
        ------
        DataError
            The function returned something else than one number a row.
        """
        new = positions[~self.known[positions]]
        if len(new):
            got = one_number_each("Influences that were returned", self.influence(new), len(new))
            self.values[new] = np.where(np.isfinite(got), got, np.nan)
            self.known[new] = True
        return self.values[positions]

    @property
    def unusable(self) -> NDArray[np.bool_]:
        """Rows that were asked for in vain, shape (n,)."""
        return self.known & np.isnan(self.values)


@dataclass(frozen=True)
class Setting:
    """What does not change over the rounds.

    Attributes
    ----------
    labels, centroids, budget, options
        As given.
    asked : Asked
    queue : ndarray of int64, shape (n,)
        Positions cluster by cluster, in the order in which they are visited.
    end : ndarray of int64, shape (k,)
        Where each cluster ends in the queue.
    ties : ndarray of float64, shape (k,)
        Of clusters with equal scores the lower one comes first.
    arms, slice_rows, threshold, alpha
        Of the options, or their defaults.
    """

    labels: NDArray[np.int64]
    centroids: NDArray[np.float32]
    budget: int
    asked: Asked
    queue: NDArray[np.int64]
    end: NDArray[np.int64]
    ties: NDArray[np.float64]
    arms: int
    slice_rows: int
    threshold: float
    alpha: float
    options: Options


def setting_of(
    labels: NDArray[np.int64],
    centroids: NDArray[np.float32],
    influence: Influences,
    ids: NDArray[np.str_],
    budget: int,
    seed: int,
    options: Options,
) -> Setting:
    """Order the clusters' rows, fill in defaults, and probe where threshold or alpha needs it.

    Parameters
    ----------
    labels, centroids, influence, ids, budget, seed, options
        As for `sluice.subsets.clustered.quad_rounds.bandit`.
    """
    n, k = len(labels), len(centroids)
    order = uniform_of(keyed_bits(seed, ids), ORDER)
    asked = Asked(influence, n)
    threshold, alpha = options.threshold, options.alpha
    if threshold is None or alpha is None:
        # the first in every cluster's queue are among these: the first pulls ask for less
        size = min(PROBE, max(options.pull, n // 20))
        probe = asked.of(np.sort(np.argsort(order, kind="stable")[:size]))
        finite = probe[np.isfinite(probe)]
        if threshold is None:
            threshold = bounded_mean(finite) if len(finite) else 0.0
        if alpha is None:
            alpha = float(finite.std()) / options.pull**0.5 if len(finite) else 0.0
    names = np.array([f"quad: cluster {c}" for c in range(k)])
    ties = np.arange(k) if options.mode == "reference" else uniform_of(keyed_bits(seed, names))
    return Setting(
        labels,
        centroids,
        budget,
        asked,
        np.lexsort((np.arange(n), order, labels)),
        np.cumsum(np.bincount(labels, minlength=k)),
        ties.astype(np.float64),
        max(1, k // 200) if options.arms is None else options.arms,
        max(options.pull, budget // 500) if options.slice_rows is None else options.slice_rows,
        threshold,
        alpha,
        options,
    )


def bounded_mean(values: NDArray[np.float64]) -> float:
    """Mean, which rounding cannot bring beyond the values: equal ones have no reward.

    Parameters
    ----------
    values : ndarray of float64, shape (m,)
        At least one, all finite.
    """
    return float(np.clip(values.mean(), values.min(), values.max()))
