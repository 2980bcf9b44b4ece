"""What a subset trains to be measured: the logistic head, or a classifier of a named family."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sluice.heads.fitting import fit_family
from sluice.heads.logistic import HeadConfig, fit_head

FAMILY_VERSION = "1"
SEED = 0


class Predictor(Protocol):
    """Anything that tells the class of a row."""

    def predict(self, x: NDArray[np.floating], /) -> NDArray[np.int64]:
        """Return the class of each row, shape (n,)."""
        ...


@dataclass(frozen=True)
class Learner:
    """One way of training on a subset.

    Attributes
    ----------
    version : str
        Changes whenever the same rows may give another predictor.
    fit : callable
        ``fit(x, y, n_classes) -> Predictor``.
    """

    version: str
    fit: Callable[[NDArray[np.floating], NDArray[np.integer], int], Predictor]


def learner(family: str | None) -> Learner:
    """Return the learner of a family, or the logistic head where none is named.

    Parameters
    ----------
    family : str or None
        One of `sluice.heads.families.FAMILIES`.

    Notes
    -----
    A family's seed is fixed (ours): two subsets then differ by their rows alone.
    """
    if family is None:
        config = HeadConfig()
        return Learner(config.version, lambda x, y, n_classes: fit_head(x, y, n_classes, config))
    return Learner(
        f"{family}-{FAMILY_VERSION}:seed={SEED}",
        lambda x, y, n_classes: fit_family(family, x, y, SEED),
    )
