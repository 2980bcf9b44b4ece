"""A graph attention network for the rows of a table, several of them trained side by side.

Velickovic et al., Graph Attention Networks (ICLR 2018, arXiv 1710.10903): two layers, `HEADS`
heads of `HIDDEN` units concatenated and ELU, then one head with a unit for each class. GAIS
(arXiv 2502.20293) reads the attention of such a network; its values are not known to us, so
these are the original's, but for what `GatConfig` calls ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError
from sluice.scores.graph_attention.attention_layer import Pattern, attend, coefficients

if TYPE_CHECKING:
    import torch

HEADS = 4
HIDDEN = 16
NARROW = 20
"""Columns up to which dropping half of them costs more than it saves."""


@dataclass(frozen=True)
class GatConfig:
    """How the networks are trained.

    Attributes
    ----------
    networks : int
        How many, at least 2: each leaves out one fold of the labels.
    epochs : int
        Most passes over the rows.
    seed : int
        Of folds, weights, dropout and the order of the packs.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:<number>"``.
    weight_decay : float
    most_steps, least_epochs : int
        Epochs are cut to `most_steps` optimiser steps, but not below `least_epochs` (ours): a
        large table has many steps in an epoch and needs few epochs.

    Notes
    -----
    Ours: dropout 0.5 on the inputs of both layers, learning rate 0.005 and patience 20 where
    the table has more than `NARROW` columns; no dropout, 0.02 and 100 where it has not. On the
    two columns of `banana` the first is right on 58 % of the rows out of fold and the second on
    90 %, on the 18 of `vehicle` on 68 and 70 %; narrow tables linger where a linear model ends.
    """

    networks: int = 3
    epochs: int = 200
    seed: int = 0
    device: str = "cpu"
    weight_decay: float = 5e-4
    most_steps: int = 2000
    least_epochs: int = 10

    def __post_init__(self) -> None:
        if self.networks < 2 or self.epochs < 1:
            raise ConfigError(
                f"networks is {self.networks} and epochs {self.epochs}; networks must be at least "
                "2, for each leaves out a part of the labels, and epochs at least 1."
            )

    def dropout(self, columns: int) -> float:
        """Share of the inputs of a layer that is dropped in training."""
        return 0.5 if columns > NARROW else 0.0

    def learning_rate(self, columns: int) -> float:
        """Of Adam."""
        return 5e-3 if columns > NARROW else 2e-2

    def patience(self, columns: int) -> int:
        """Epochs without a better validation loss after which a network is done."""
        return 20 if columns > NARROW else 100

    def epochs_for(self, packs: int) -> int:
        """Epochs of a table of so many packs: at least 1, at most `epochs`."""
        allowed = max(self.least_epochs, self.most_steps // max(packs, 1))
        return min(self.epochs, allowed)


@dataclass(frozen=True)
class Outcome:
    """What the networks say of the rows of one pack.

    Attributes
    ----------
    logits : Tensor of float32, shape (networks, m, C)
    alphas : list of Tensor of float32
        Attention coefficients of each layer, shape (networks, entries, heads); empty unless
        asked for.
    """

    logits: torch.Tensor
    alphas: list[torch.Tensor]


Weights = dict[str, "torch.Tensor"]
"""Parameters of all networks by name, the first axis counting the networks."""


def initial_weights(networks: int, columns: int, classes: int, seed: int) -> Weights:
    """Glorot's uniform start (as in the original), on the CPU so that no device changes it.

    Parameters
    ----------
    networks, columns, classes : int
    seed : int

    Returns
    -------
    dict of str to Tensor of float32
        ``first`` (networks, d, HEADS HIDDEN), ``second`` (networks, HEADS HIDDEN, C); of each
        layer the two halves of a, ``*_source`` and ``*_target`` (networks, heads, width), and
        ``*_bias`` (networks, heads, width).
    """
    import torch

    draws = torch.Generator().manual_seed(seed)

    def uniform(inputs: int, outputs: int, *shape: int) -> torch.Tensor:
        bound = float(np.sqrt(6.0 / (inputs + outputs)))
        return (2 * torch.rand(networks, *shape, generator=draws) - 1) * bound

    wide = HEADS * HIDDEN
    return {
        "first": uniform(columns, wide, columns, wide),
        "first_source": uniform(2 * HIDDEN, 1, HEADS, HIDDEN),
        "first_target": uniform(2 * HIDDEN, 1, HEADS, HIDDEN),
        "first_bias": torch.zeros(networks, HEADS, HIDDEN),
        "second": uniform(wide, classes, wide, classes),
        "second_source": uniform(2 * classes, 1, 1, classes),
        "second_target": uniform(2 * classes, 1, 1, classes),
        "second_bias": torch.zeros(networks, 1, classes),
    }


def forward(
    weights: Weights,
    rows: torch.Tensor,
    pattern: Pattern,
    *,
    dropout: float = 0.0,
    draws: torch.Generator | None = None,
    attention: bool = False,
    silenced: tuple[int, int] | None = None,
) -> Outcome:
    """Run all networks on one pack.

    Parameters
    ----------
    weights : dict of str to Tensor
    rows : Tensor of float32, shape (m, d)
    pattern : Pattern
        Edges of the pack.
    dropout : float
        Share of each layer's inputs to drop. The networks drop the same columns of a row
        (ours): their first products are then one.
    draws : Generator, optional
        Of the dropout.
    attention : bool
        Whether to return the attention coefficients.
    silenced : pair of int, optional
        Layer and head whose output is set to zero.
    """
    import torch

    alphas: list[torch.Tensor] = []
    inputs = _dropped(rows, dropout, draws)
    hidden = inputs
    for number, layer in enumerate(("first", "second")):
        networks, heads, width = weights[f"{layer}_bias"].shape
        mixed = torch.matmul(hidden, weights[layer])
        features = mixed.view(networks, -1, heads, width).transpose(1, 2)
        features = features.reshape(networks * heads, -1, width)
        source = _halves(features, weights[f"{layer}_source"])
        target = _halves(features, weights[f"{layer}_target"])
        if attention:
            alpha = coefficients(source, target, pattern)
            alphas.append(alpha.view(-1, networks, heads).transpose(0, 1))
        out = attend(features, source, target, pattern).view(networks, heads, -1, width)
        out = out + weights[f"{layer}_bias"][:, :, None, :]
        if number == 0:
            out = torch.nn.functional.elu(out)
        if silenced is not None and silenced[0] == number:
            out = out.clone()
            out[:, silenced[1]] = 0.0
        hidden = out.transpose(1, 2).reshape(networks, -1, heads * width)
        if number == 0:
            hidden = _dropped(hidden, dropout, draws)
    return Outcome(hidden, alphas)


def _halves(features: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    """Product of each row with its head's half of a: (heads, m, width) to (m, heads)."""
    import torch

    return torch.matmul(features, vectors.reshape(len(features), -1, 1)).squeeze(2).T


def _dropped(values: torch.Tensor, share: float, draws: torch.Generator | None) -> torch.Tensor:
    import torch

    if share == 0:
        return values
    # four times as fast as bernoulli_ on a CPU
    kept = torch.rand(values.shape, generator=draws, device=values.device) >= share
    return values * kept * (1 / (1 - share))


def masked_loss(
    logits: torch.Tensor, labels: torch.Tensor, mask: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sum of the cross-entropies of some rows, and their number, for each network.

    Parameters
    ----------
    logits : Tensor of float, shape (networks, m, C)
    labels : Tensor of int64, shape (m,)
    mask : Tensor of bool, shape (networks, m)

    Returns
    -------
    total, count : Tensor of float, shape (networks,)
    """
    import torch

    entropy: Any = torch.nn.functional.cross_entropy
    every = entropy(
        logits.transpose(1, 2), labels.expand(len(logits), -1), reduction="none"
    )  # (networks, m)
    return (every * mask).sum(dim=1), mask.sum(dim=1)


def validation_mask(
    fold_of: NDArray[np.int64], chance: NDArray[np.float64], networks: int, share: float = 0.1
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Rows whose labels train each network, and rows whose labels say when it is done.

    Parameters
    ----------
    fold_of : ndarray of int64, shape (n,)
        Network k sees no label of fold k.
    chance : ndarray of float64, shape (n,)
        Keyed uniform number of each row.
    networks : int
    share : float
        Of the labels seen, for validation.

    Returns
    -------
    train, validation : ndarray of bool, shape (networks, n)
        Disjoint; where so few rows are there that none is for validation, all labels seen
        serve as both (ours).
    """
    seen = fold_of[None, :] != np.arange(networks)[:, None]
    validation = seen & (chance < share)[None, :]
    train = seen & ~validation
    for k in np.flatnonzero(~validation.any(axis=1) | ~train.any(axis=1)):
        train[k] = validation[k] = seen[k]
    return train, validation
