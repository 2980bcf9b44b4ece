"""Training the graph attention networks pack by pack, and reading what they learnt."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.progress import track
from sluice.scores.graph_attention.attention_layer import Pattern, received
from sluice.scores.graph_attention.gat import (
    GatConfig,
    Outcome,
    Weights,
    forward,
    initial_weights,
    masked_loss,
    validation_mask,
)
from sluice.scores.graph_attention.subgraph_batches import Packs

if TYPE_CHECKING:
    import torch

WATCHED = 8
"""Most packs on which an epoch's validation loss is measured: 16,384 rows or more."""


@dataclass(frozen=True)
class Table:
    """Rows with labels and folds, as training sees them; see `gat_scores`.

    Attributes
    ----------
    rows : ndarray of float32, shape (n, d)
    labels : ndarray of int64, shape (n,)
    classes : int
    fold_of : ndarray of int64, shape (n,)
    chance : ndarray of float64, shape (n,)
        Keyed uniform number of each row, which decides on validation.
    packs : Packs
    """

    rows: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: int
    fold_of: NDArray[np.int64]
    chance: NDArray[np.float64]
    packs: Packs


@dataclass(frozen=True)
class Reading:
    """What trained networks say of every row.

    Attributes
    ----------
    probabilities : ndarray of float64, shape (n, C)
        Of the network that has not seen the row's label.
    received : list of ndarray of float64, shape (heads, n)
        Attention received from others, a matrix a layer, averaged over the networks.
    """

    probabilities: NDArray[np.float64]
    received: list[NDArray[np.float64]]


def train(table: Table, config: GatConfig, device: str) -> Weights:
    """Train all networks, each on the labels of the folds that it sees.

    A step is one pack: all rows send messages, the labels of the training part make the loss.
    The networks share the steps and nothing else, so each ends as if trained alone; it keeps
    the weights of its best validation loss.

    Parameters
    ----------
    table : Table
    config : GatConfig
    device : str
        As torch names it.

    Returns
    -------
    dict of str to Tensor

    Notes
    -----
    Cost of an epoch: networks (n d + 15 edges) 64, three times; epochs as in
    `GatConfig.epochs_for`. Memory: the rows once, and one pack.
    """
    import torch

    columns = table.rows.shape[1]
    weights = {
        name: start.to(device).requires_grad_(True)
        for name, start in initial_weights(
            config.networks, columns, table.classes, config.seed
        ).items()
    }
    adam = torch.optim.Adam(
        list(weights.values()), config.learning_rate(columns), weight_decay=config.weight_decay
    )
    masks = validation_mask(table.fold_of, table.chance, config.networks)
    state = _State(table, device, masks)
    watched = _watched(len(table.packs), config.seed)
    best = _Best(config.networks, config.patience(columns))
    order_of = np.random.default_rng([config.seed, 1])
    draws = torch.Generator(device).manual_seed(config.seed)
    epochs = config.epochs_for(len(table.packs))
    with one_thread(), track("graph attention network", epochs) as advance:
        for _ in range(epochs):
            for number in order_of.permutation(len(table.packs)):
                _step(state, int(number), weights, adam, config.dropout(columns), draws)
            best.see(_validation(state, watched, weights), weights)
            advance()
            if best.done():
                break
    return best.weights()


def read(
    table: Table, weights: Weights, device: str, silenced: tuple[int, int] | None = None
) -> Reading:
    """Read out-of-fold probabilities and attention of all rows.

    Parameters
    ----------
    table : Table
    weights : dict of str to Tensor
    device : str
    silenced : pair of int, optional
        Layer and head to silence, for an ablation.

    Notes
    -----
    Cost: one pass, forth only.
    """
    import torch

    n = len(table.rows)
    probabilities = np.empty((n, table.classes))
    heads = [weights[f"{layer}_bias"].shape[1] for layer in ("first", "second")]
    collected = [np.zeros((count, n)) for count in heads]
    state = _State(table, device, None)
    with one_thread(), torch.inference_mode():
        for number in range(len(table.packs)):
            part = state.part(number)
            outcome = forward(weights, part.rows, part.pattern, attention=True, silenced=silenced)
            _collect(outcome, part, table.fold_of, probabilities, collected)
    return Reading(probabilities, collected)


@contextmanager
def one_thread() -> Generator[None]:
    """Let torch use one thread on the CPU.

    A pack is small, so that threads wait for one another more than they work, and one adds up
    in one order.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _collect(
    outcome: Outcome,
    part: _Part,
    fold_of: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    collected: list[NDArray[np.float64]],
) -> None:
    """Write one pack's results into the arrays of all rows."""
    soft = outcome.logits.double().softmax(dim=2).cpu().numpy()
    here = part.positions
    probabilities[here] = soft[fold_of[here], np.arange(len(here))]
    for layer, alphas in enumerate(outcome.alphas):
        each = [received(alpha, part.pattern).T.cpu().numpy() for alpha in alphas]
        collected[layer][:, here] = np.mean(each, axis=0)


@dataclass(frozen=True)
class _Part:
    """One pack on the device."""

    positions: NDArray[np.int64]
    rows: torch.Tensor
    labels: torch.Tensor
    pattern: Pattern
    train: torch.Tensor
    validation: torch.Tensor


@dataclass
class _State:
    """Makes packs ready; a table of few packs keeps them."""

    table: Table
    device: str
    masks: tuple[NDArray[np.bool_], NDArray[np.bool_]] | None
    kept: dict[int, _Part] = field(default_factory=dict)

    def part(self, number: int) -> _Part:
        if number in self.kept:
            return self.kept[number]
        import torch

        def there(values: NDArray[Any]) -> torch.Tensor:
            # a copy in torch's own memory: how numpy's is aligned may change the last bits
            return torch.tensor(values, device=self.device)

        pack = self.table.packs.pack(number)
        here = pack.positions
        none = np.zeros((0, len(here)), dtype=np.bool_)
        train, validation = self.masks or (none, none)
        part = _Part(
            positions=here,
            rows=there(self.table.rows[here]),
            labels=there(self.table.labels[here]),
            pattern=Pattern.of(pack, self.device),
            train=there(train[:, here] if len(train) else none),
            validation=there(validation[:, here] if len(validation) else none),
        )
        if len(self.table.packs) <= WATCHED:
            self.kept[number] = part
        return part


def _step(
    state: _State,
    number: int,
    weights: Weights,
    adam: torch.optim.Optimizer,
    dropout: float,
    draws: torch.Generator,
) -> None:
    part = state.part(number)
    out = forward(weights, part.rows, part.pattern, dropout=dropout, draws=draws)
    total, count = masked_loss(out.logits, part.labels, part.train)
    adam.zero_grad(set_to_none=True)
    (total / count.clamp(min=1)).sum().backward()
    adam.step()


def _validation(state: _State, watched: NDArray[np.int64], weights: Weights) -> NDArray[np.float64]:
    """Mean cross-entropy of each network on its validation rows, shape (networks,)."""
    import torch

    total: Any = 0.0
    count: Any = 0.0
    with torch.inference_mode():
        for number in watched.tolist():
            part = state.part(number)
            logits = forward(weights, part.rows, part.pattern).logits
            losses, rows = masked_loss(logits.double(), part.labels, part.validation)
            total, count = total + losses, count + rows
    return (total / count.clamp(min=1)).cpu().numpy()


def _watched(packs: int, seed: int) -> NDArray[np.int64]:
    """Packs on which to validate: all, or a seeded draw of `WATCHED`."""
    drawn = np.random.default_rng([seed, 2]).permutation(packs)[:WATCHED]
    return np.sort(drawn)


class _Best:
    """The best weights of each network so far."""

    def __init__(self, networks: int, patience: int) -> None:
        self._loss = np.full(networks, np.inf)
        self._since = np.zeros(networks, dtype=np.int64)
        self._patience = patience
        self._kept: Weights = {}

    def see(self, losses: NDArray[np.float64], weights: Weights) -> None:
        """Keep the weights of the networks that are better than ever and not yet done."""
        running = self._since < self._patience
        better = running & (losses < self._loss)
        if not self._kept:
            self._kept = {name: w.detach().clone() for name, w in weights.items()}
        for k in np.flatnonzero(better).tolist():
            for name, w in weights.items():
                self._kept[name][k] = w.detach()[k]
        self._loss = np.where(better, losses, self._loss)
        self._since = np.where(better, 0, self._since + running)

    def done(self) -> bool:
        return bool((self._since >= self._patience).all())

    def weights(self) -> Weights:
        return self._kept
