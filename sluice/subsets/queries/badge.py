"""BADGE: rows of long and different gradients.

Ash and others, Deep Batch Active Learning by Diverse, Uncertain Gradient Lower Bounds (arXiv
1906.03671): k-means++ on the gradient of the loss by the last layer, were the most probable
class the label. That gradient is an outer product, ``g = (p - onehot(argmax p)) h^T``, so a
distance needs two short products and the C H numbers of a row are never written.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sluice.core.progress import track
from sluice.core.randomness import keyed_bits, uniform_of
from sluice.subsets.contract import Picks, Pool, Selector

NOTHING = 1e-12
"""Squared distances below this share of the rows' own squared length are rounding."""


@dataclass(frozen=True)
class Gradients:
    """Gradients by the last layer as outer products.

    Attributes
    ----------
    errors : ndarray of float64, shape (n, C)
        Probabilities, less 1 at the most probable class; rows sum to 0.
    hidden : ndarray of float64, shape (n, H)
    """

    errors: NDArray[np.float64]
    hidden: NDArray[np.float64]

    @property
    def squared(self) -> NDArray[np.float64]:
        """Squared length of each row's gradient, shape (n,)."""
        lengths = np.einsum("ij,ij->i", self.errors, self.errors)
        return lengths * np.einsum("ij,ij->i", self.hidden, self.hidden)

    def products(self, row: int) -> NDArray[np.float64]:
        """Inner product of each gradient with one of them, shape (n,)."""
        return (self.errors @ self.errors[row]) * (self.hidden @ self.hidden[row])


def gradients(probabilities: NDArray[np.float64], hidden: NDArray[np.float64]) -> Gradients:
    """Return the gradients of the loss by the last layer, were the likeliest class the label.

    Parameters
    ----------
    probabilities : ndarray of float64, shape (n, C)
        Ties go to the lowest class.
    hidden : ndarray of float64, shape (n, H)
    """
    errors = np.array(probabilities, dtype=np.float64)
    errors[np.arange(len(errors)), errors.argmax(axis=1)] -= 1.0
    return Gradients(errors, np.asarray(hidden, dtype=np.float64))


def _core(pool: Pool, budget: int, seed: int) -> Picks:
    """Seed k-means++ by the squared distance to the nearest gradient asked for so far.

    The first is the longest gradient (ours). Each other one is drawn by an exponential race,
    ``argmax log(u) / D^2`` with u keyed by (seed, id) and the step, which draws with
    probability D^2 / sum D^2 and knows no order of rows. Copies of what was asked for have
    D = 0 and come last, by id. Cost b n (C + H).
    """
    assert pool.answers is not None
    assert pool.answers.probabilities is not None
    assert pool.answers.hidden is not None
    made = gradients(pool.answers.probabilities, pool.answers.hidden)
    squared, bits = made.squared, keyed_bits(seed, pool.ids)
    near, left = squared.copy(), np.ones(len(squared), dtype=bool)
    positions, gains = [], []
    with track("badge", budget) as advance:
        for step in range(budget):
            chosen = int(near.argmax()) if not step else _drawn(near, left, bits, step)
            positions.append(chosen)
            gains.append(float(near[chosen]))
            left[chosen] = False
            apart = squared + squared[chosen] - 2.0 * made.products(chosen)
            apart[apart <= NOTHING * (squared + squared[chosen])] = 0.0
            near = apart if not step else np.minimum(near, apart)
            near[~left] = 0.0
            advance()
    distances = np.sqrt(np.array(gains))
    reasons = [f"First of all: the longest gradient, {distances[0]:.3f}."]
    reasons += [
        f"Its gradient is {distance:.3f} from the nearest of the {rank} asked for before it."
        for rank, distance in enumerate(distances[1:].tolist(), start=1)
    ]
    return Picks(np.array(positions), distances, reasons)


def _drawn(
    near: NDArray[np.float64], left: NDArray[np.bool_], bits: NDArray[np.uint64], step: int
) -> int:
    """Draw a row by its squared distance; the first of those left where all are 0."""
    far = np.flatnonzero(near > 0)
    if not len(far):
        return int(np.flatnonzero(left)[0])
    return int(far[np.argmax(np.log(uniform_of(bits[far], step)) / near[far])])


SELECTOR = Selector(
    name="badge",
    core=_core,
    version="1",
    needs=frozenset({"answers:probabilities", "answers:hidden"}),
    tasks=frozenset({"text"}),
    stochastic=True,
    nested=True,
    class_floor=False,
    summary="Rows of long gradients in different directions.",
    formula="k-means++ on (p - onehot(argmax p)) h^T",
    paper="Ash and others, arXiv 1906.03671",
    cost="b n (C + H)",
    family=("model-based", "expected parameter change"),
)
