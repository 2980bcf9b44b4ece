"""What is known of rows without a label: the rows that have one, and a model's answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Labelled:
    """The rows that have a label already, in ascending order of id.

    Attributes
    ----------
    ids : ndarray of str, shape (m,)
    embeddings : ndarray of float32, shape (m, d)
        In the space of the unlabelled rows.
    labels : ndarray of int64, shape (m,)
        0 to ``n_classes - 1``.
    n_classes : int
    """

    ids: NDArray[np.str_]
    embeddings: NDArray[np.float32]
    labels: NDArray[np.int64]
    n_classes: int

    def of(self, positions: NDArray[np.int64]) -> Labelled:
        """Return the rows at some positions."""
        return replace(
            self,
            ids=self.ids[positions],
            embeddings=self.embeddings[positions],
            labels=self.labels[positions],
        )


@dataclass(frozen=True)
class Answers:
    """What a model that was trained on the labelled rows says of n unlabelled ones.

    A strategy reads a part or two; the others may be None.

    Attributes
    ----------
    probabilities : ndarray of float64, shape (n, C)
        Of each class.
    hidden : ndarray of float64, shape (n, H)
        What the model's last layer reads.
    passes : ndarray of float64, shape (T, n, C)
        Probabilities under T draws of dropout.
    committee : ndarray of float64, shape (K, n, C)
        Probabilities by K models.
    separation : ndarray of float64, shape (n,)
        Distance to the hyperplane between the two most probable classes.
    perturbation : ndarray of float64, shape (n,)
        Length of the smallest change of a row's vector that changes its class.
    words : ndarray of float64, shape (n,)
        Expected length of the loss's gradient by a word's vector, of the word where it is
        greatest.
    layers : mapping of str to ndarray of float64, shape (n, C)
        Were the label c: length of the loss's gradient by the parameters of a layer. The last
        layer is called ``"last"``.
    of_labelled : ndarray of float64, shape (m, C)
        Probabilities of the labelled rows, in the order of their ids.
    """

    probabilities: Matrix | None = None
    hidden: Matrix | None = None
    passes: Matrix | None = None
    committee: Matrix | None = None
    separation: Matrix | None = None
    perturbation: Matrix | None = None
    words: Matrix | None = None
    layers: Mapping[str, Matrix] = field(default_factory=dict)
    of_labelled: Matrix | None = None

    def __contains__(self, name: str) -> bool:
        given = getattr(self, name)
        return given is not None and len(given) > 0

    def of(self, positions: NDArray[np.int64]) -> Answers:
        """Return the answers for some of the unlabelled rows."""
        taken: dict[str, Matrix] = {}
        for name in _BY_ROW:
            given = getattr(self, name)
            if given is not None:
                taken[name] = given[:, positions] if name in _STACKED else given[positions]
        layers = {name: lengths[positions] for name, lengths in self.layers.items()}
        return Answers(**taken, layers=layers, of_labelled=self.of_labelled)


_STACKED = ("passes", "committee")
PARTS = tuple(each.name for each in fields(Answers) if each.name != "layers")
"""Every part of `Answers` that is one array."""
_BY_ROW = [name for name in PARTS if name != "of_labelled"]
