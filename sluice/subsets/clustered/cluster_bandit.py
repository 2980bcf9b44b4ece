"""What Quad knows of each cluster (arm): how good it looks, how sure that is, who is near.

Zhang and others, Harnessing Diversity for Important Data Selection in Pretraining Large Language
Models (Quad, arXiv 2409.16986). ``CS_i = I_i + alpha sqrt(2 ln(sum T) / T_i)``, the upper
confidence bound of Auer, Cesa-Bianchi and Fischer (Machine Learning 47, 2002).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sluice.subsets.covering.distances import squared_distances_to


def upper_bounds(
    means: NDArray[np.float64],
    pulls: NDArray[np.int64],
    alpha: float,
    *,
    mode: str = "paper",
) -> NDArray[np.float64]:
    """Cluster scores CS: what each cluster may be worth.

    Parameters
    ----------
    means : ndarray of float64, shape (k,)
        Mean reward I_i; 0 where nothing is known.
    pulls : ndarray of int64, shape (k,)
        T_i.
    alpha : float
        0 or more; 0 trusts the means alone.
    mode : {"paper", "reference"}
        paper: infinite where T_i is 0. reference, as in the authors' code: T_i + 1 in place of
        T_i.

    Returns
    -------
    ndarray of float64, shape (k,)
    """
    log = np.log(max(int(pulls.sum()), 1))
    if mode == "reference":
        return means + alpha * np.sqrt(2.0 * log / (pulls + 1))
    seen = pulls > 0
    bounds = means + alpha * np.sqrt(2.0 * log / np.where(seen, pulls, 1))
    return np.where(seen, bounds, np.inf)


def near_clusters(
    centroids: NDArray[np.float32], cluster: int, distance: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Other clusters nearer than a distance, and which part of a reward each is told.

    Parameters
    ----------
    centroids : ndarray of float32, shape (k, d)
    cluster : int
    distance : float
        Euclidean.

    Returns
    -------
    others : ndarray of int64, shape (m,)
        Ascending.
    parts : ndarray of float64, shape (m,)
        ``1 - d / distance``, in (0, 1].
    """
    apart = np.sqrt(squared_distances_to(centroids, centroids[cluster].astype(np.float64)))
    apart[cluster] = np.inf
    others = np.flatnonzero(apart < distance)
    return others, 1.0 - apart[others] / distance if len(others) else np.empty(0)


@dataclass
class Arms:
    """Running knowledge of the clusters.

    Attributes
    ----------
    totals : ndarray of float64, shape (k,)
        Sum of the rewards, a cluster's own and its parts of others'.
    counts : ndarray of int64, shape (k,)
        How many rewards are in it.
    pulls : ndarray of int64, shape (k,)
        T: a cluster's own pulls alone.
    """

    totals: NDArray[np.float64]
    counts: NDArray[np.int64]
    pulls: NDArray[np.int64]

    @classmethod
    def of(cls, k: int) -> Arms:
        """Nothing known of k clusters."""
        return cls(np.zeros(k), np.zeros(k, dtype=np.int64), np.zeros(k, dtype=np.int64))

    @property
    def means(self) -> NDArray[np.float64]:
        """Mean reward of each cluster, 0 where nothing is known, shape (k,)."""
        return self.totals / np.maximum(self.counts, 1)

    def pulled(self, cluster: int, reward: float | None) -> None:
        """Count a pull; None: none of its rows had an influence, so nothing is learned."""
        self.pulls[cluster] += 1
        if reward is not None:
            self.totals[cluster] += reward
            self.counts[cluster] += 1

    def shared(self, others: NDArray[np.int64], parts: NDArray[np.float64], reward: float) -> None:
        """Tell near clusters their part of a reward: no pull of theirs."""
        self.totals[others] += reward * parts
        self.counts[others] += 1
