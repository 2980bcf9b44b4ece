"""Small loss: rows are kept that a model has learnt easily while it warmed up.

The route of EchoAlign for symmetric noise, which does not look at edits: 70 epochs of warm-up,
the mean loss of each row over them, and of each class the share ``c = min(1 - 1.2 r, 0.9 (1 - r))``
with the smallest mean, r the rate of noise. That a wrong label is learnt late is an old
observation (Arpit and others, arXiv 1706.05394). Ours: the model is a linear softmax head on
frozen embeddings, where the paper trains a network on pictures; and c n is rounded down.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sluice.core.arrays import checked_labels, checked_vectors, number_array
from sluice.core.errors import ConfigError, DataError
from sluice.core.randomness import keyed_bits, uniform_of
from sluice.data.values.one_column import unique_ids


def keep_fraction(rate: float) -> float:
    """Share of each class that is kept: ``min(1 - 1.2 r, 0.9 (1 - r))``, 0 at least.

    Parameters
    ----------
    rate : float
        Share of wrong labels, r, in [0, 1].

    Raises
    ------
    ConfigError
        The rate is out of range.
    """
    if not 0.0 <= rate <= 1.0:
        raise ConfigError(f"The noise rate is {rate}; give a share of rows between 0 and 1.")
    r = float(rate)
    return max(0.0, min(1.0 - 1.2 * r, 0.9 * (1.0 - r)))


def small_loss(
    losses: ArrayLike,
    labels: ArrayLike,
    rate: float,
    *,
    ids: Sequence[str] | NDArray[np.str_],
) -> NDArray[np.bool_]:
    """Keep the rows of each class with the smallest losses.

    Parameters
    ----------
    losses : array-like of float, shape (n,) or (T, n)
        One loss a row, or one for each of T epochs, whose mean counts.
    labels : array-like of int, shape (n,)
        Given classes.
    rate : float
        Share of wrong labels, in [0, 1].
    ids : sequence of str, length n
        Unique; the lower id is kept where losses tie.

    Returns
    -------
    ndarray of bool, shape (n,)
        Of a class of m rows ``keep_fraction(rate) * m`` are kept, rounded down.

    Raises
    ------
    DataError
        A loss is not finite, or shapes do not fit.
    ConfigError
        The rate is out of range.

    Notes
    -----
    Cost: n log n.
    """
    mean = _mean_loss(losses)
    classes = checked_labels(labels, len(mean))
    names = unique_ids(ids, len(mean))
    fraction = keep_fraction(rate)
    order = np.lexsort((names, mean, classes))
    counts = np.bincount(classes)
    begin = (np.cumsum(counts) - counts)[classes[order]]
    rank = np.arange(len(order)) - begin
    # at a rate of 0.65 the share of 100 rows is a little below 22 in binary
    most = np.floor(fraction * counts + 1e-9).astype(np.int64)
    kept = np.zeros(len(mean), dtype=np.bool_)
    kept[order] = rank < most[classes[order]]
    return kept


def warm_up_losses(
    x: ArrayLike,
    y: ArrayLike,
    *,
    ids: Sequence[str] | NDArray[np.str_],
    n_classes: int | None = None,
    epochs: int = 70,
    batch: int = 128,
    learning_rate: float = 0.1,
    momentum: float = 0.9,
    weight_decay: float = 1e-4,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Mean loss of each row while a linear head is trained on the given labels.

    A softmax head on frozen embeddings by minibatch SGD (ours), with the paper's epochs, batch,
    learning rate, momentum and weight decay. A row's loss in an epoch is the one it has when its
    batch is drawn, before the step on it.

    Parameters
    ----------
    x : array-like of float, shape (n, d)
        Embeddings, about of unit length: the learning rate is made for that.
    y : array-like of int, shape (n,)
        Given classes.
    ids : sequence of str, length n
        Unique; with the seed they give the order of each epoch, whatever order rows come in.
    n_classes : int, optional
        Default: the largest class plus one.
    epochs, batch : int
    learning_rate, momentum, weight_decay : float
    seed : int

    Returns
    -------
    ndarray of float64, shape (n,)
        Cross-entropy in nats.

    Raises
    ------
    DataError
        Shapes do not fit, or a value is not finite.
    ConfigError
        `epochs`, `batch` or `learning_rate` is not positive.

    Notes
    -----
    The head starts at zero. Cost: epochs x n x d x C, float32; one copy of `x`.
    """
    vectors = checked_vectors("The embeddings", x)
    labels = checked_labels(y, len(vectors), n_classes)
    names = unique_ids(ids, len(vectors))
    if epochs < 1 or batch < 1 or not learning_rate > 0:
        raise ConfigError(
            f"Warm-up needs epochs, batch and learning_rate above 0, got {epochs}, {batch} and "
            f"{learning_rate}."
        )
    by_id = np.argsort(names, kind="stable")
    classes = int(labels.max()) + 1 if n_classes is None else n_classes
    steps = (learning_rate, momentum, weight_decay)
    bits = keyed_bits(seed, names[by_id])
    orders = (np.argsort(uniform_of(bits, epoch), kind="stable") for epoch in range(epochs))
    total = np.zeros(len(labels), dtype=np.float64)
    for part in _epochs(vectors[by_id], labels[by_id], classes, orders, batch, steps):
        total += part
    result = np.empty_like(total)
    result[by_id] = total / epochs
    return result


def _epochs(
    x: NDArray[np.floating],
    y: NDArray[np.int64],
    classes: int,
    orders: Iterable[NDArray[np.int64]],
    batch: int,
    steps: tuple[float, float, float],
) -> Iterator[NDArray[np.float64]]:
    """Train the head in the orders given; yield each row's loss after each epoch."""
    import torch
    from torch.nn.functional import cross_entropy

    rows, targets = torch.from_numpy(x.astype(np.float32)), torch.from_numpy(y)
    head = torch.nn.Linear(x.shape[1], classes)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    rate, momentum, decay = steps
    optimiser = torch.optim.SGD(head.parameters(), lr=rate, momentum=momentum, weight_decay=decay)
    for order in orders:
        losses = np.empty(len(y), dtype=np.float64)
        for start in range(0, len(order), batch):
            at = order[start : start + batch]
            part = torch.from_numpy(at)
            found = cross_entropy(head(rows[part]), targets[part], reduction="none")
            optimiser.zero_grad()
            found.mean().backward()
            optimiser.step()
            losses[at] = found.detach().numpy()
        yield losses


def _mean_loss(values: ArrayLike) -> NDArray[np.float64]:
    losses = number_array("Losses", values).astype(np.float64, copy=False)
    if losses.ndim not in (1, 2) or losses.size == 0:
        raise DataError(
            f"Losses have shape {losses.shape}; give (n,), or (T, n) for T epochs of n rows."
        )
    mean = losses if losses.ndim == 1 else losses.mean(axis=0)
    if not np.isfinite(mean).all():
        row = int(np.flatnonzero(~np.isfinite(mean))[0])
        raise DataError(f"The loss of row {row} is {mean[row]}; lower the learning rate.")
    return mean
