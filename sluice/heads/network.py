"""A small network on frozen embeddings: one hidden layer, rectified, with dropout.

Where a strategy asks for what a linear head has not: draws of its parameters (arXiv 1506.02142),
gradients of several layers, or the way to another class (DeepFool). Trained by torch; everything
after that is closed-form numpy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sluice.core.arrays import checked_labels, checked_vectors
from sluice.core.errors import ConfigError

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class NetworkConfig:
    """How the network is made and trained; all values are ours.

    Attributes
    ----------
    width : int
        Hidden units.
    dropout : float
        Share of hidden units that a pass leaves out, from 0 to below 1.
    steps : int
        Of AdamW, each on all rows.
    learning_rate, weight_decay : float
    """

    width: int = 64
    dropout: float = 0.5
    steps: int = 200
    learning_rate: float = 0.01
    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        if self.width < 1 or self.steps < 1 or not 0 <= self.dropout < 1:
            raise ConfigError(
                f"A network needs width and steps of at least 1 and dropout from 0 to below 1, got "
                f"{self.width}, {self.steps} and {self.dropout}."
            )


@dataclass(frozen=True)
class Network:
    """A trained network: ``z = W2 relu(W1 x + b1) + b2``.

    Attributes
    ----------
    first : ndarray of float64, shape (width, d)
    first_bias : ndarray of float64, shape (width,)
    last : ndarray of float64, shape (C, width)
    last_bias : ndarray of float64, shape (C,)
    dropout : float
    """

    first: Matrix
    first_bias: Matrix
    last: Matrix
    last_bias: Matrix
    dropout: float

    def hidden(self, x: NDArray[np.floating]) -> Matrix:
        """What the last layer reads, shape (n, width)."""
        return np.maximum(x @ self.first.T + self.first_bias, 0.0)

    def logits(self, x: NDArray[np.floating]) -> Matrix:
        """Return the logits, shape (n, C)."""
        return self.hidden(x) @ self.last.T + self.last_bias

    def predict_proba(self, x: NDArray[np.floating]) -> Matrix:
        """Class probabilities without dropout, shape (n, C)."""
        return softmax(self.logits(x))

    def passes(self, x: NDArray[np.floating], count: int, seed: int) -> Matrix:
        """Class probabilities under draws of dropout, shape (count, n, C).

        Each pass leaves out the same units for all rows (ours): it is one draw of the
        parameters, and a row's answer does not depend on the rows beside it.
        """
        hidden, keep = self.hidden(x), 1.0 - self.dropout
        draws = np.random.default_rng(seed).random((count, hidden.shape[1])) < keep
        return np.stack(
            [softmax((hidden * (mask / keep)) @ self.last.T + self.last_bias) for mask in draws]
        )

    def gradient_lengths(self, x: NDArray[np.floating]) -> dict[str, Matrix]:
        """Length of the loss's gradient by each layer's parameters, were the label c.

        The gradient of a layer is an outer product of what comes back and what went in (1 for
        the bias), so its length is a product of two lengths.

        Returns
        -------
        dict of str to ndarray of float64, shape (n, C)
            Of ``"first"`` and ``"last"``.
        """
        hidden = self.hidden(x)
        p = softmax(hidden @ self.last.T + self.last_bias)
        went_in = np.sqrt(np.einsum("ij,ij->i", x, x, dtype=np.float64) + 1.0)
        went_on = np.sqrt(np.einsum("ij,ij->i", hidden, hidden) + 1.0)
        first, last = np.empty_like(p), np.empty_like(p)
        for label in range(p.shape[1]):
            error = p.copy()
            error[:, label] -= 1.0
            back = (error @ self.last) * (hidden > 0)
            last[:, label] = np.linalg.norm(error, axis=1) * went_on
            first[:, label] = np.linalg.norm(back, axis=1) * went_in
        return {"first": first, "last": last}


def softmax(logits: Matrix) -> Matrix:
    """Probabilities of logits, along the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def fit_network(
    x: NDArray[np.floating],
    y: NDArray[np.integer],
    n_classes: int,
    seed: int,
    config: NetworkConfig | None = None,
) -> Network:
    """Train the network by AdamW, all rows a step.

    Parameters
    ----------
    x : ndarray of float, shape (m, d)
    y : ndarray of int, shape (m,)
        0 to ``n_classes - 1``.
    n_classes : int
    seed : int
        Of the first weights and of dropout.
    config : NetworkConfig, optional

    Returns
    -------
    Network

    Raises
    ------
    DataError
        There is no row, or shapes disagree.

    Notes
    -----
    Cost ``steps x m x d x width``. The same bits on one kind of machine and thread count.
    """
    import torch
    from threadpoolctl import threadpool_limits
    from torch.nn.functional import cross_entropy, dropout, relu

    config = config or NetworkConfig()
    given = checked_vectors("Embeddings", x, dtype=np.float32)
    labels = torch.tensor(checked_labels(y, len(given), n_classes))
    generator = torch.Generator().manual_seed(seed)
    shapes = [(config.width, x.shape[1]), (config.width,), (n_classes, config.width), (n_classes,)]
    scales = [x.shape[1] ** -0.5, 0.0, config.width**-0.5, 0.0]
    weights = [
        (torch.randn(shape, generator=generator) * scale).requires_grad_()
        for shape, scale in zip(shapes, scales, strict=True)
    ]
    rows = torch.tensor(given)
    optimiser = torch.optim.AdamW(
        weights, lr=config.learning_rate, weight_decay=config.weight_decay
    )
    # on matrices so small more threads cost more than they save
    with torch.random.fork_rng(devices=[]), threadpool_limits(1):
        torch.manual_seed(seed)
        for _ in range(config.steps):
            optimiser.zero_grad()
            hidden = dropout(relu(rows @ weights[0].T + weights[1]), config.dropout)
            cross_entropy(hidden @ weights[2].T + weights[3], labels).backward()
            optimiser.step()
    first, first_bias, last, last_bias = (w.detach().numpy().astype(np.float64) for w in weights)
    return Network(first, first_bias, last, last_bias, config.dropout)
