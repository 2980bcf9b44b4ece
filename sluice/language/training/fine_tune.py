"""Fine-tune the adapters of a causal language model on the responses of chosen rows.

Hu et al. 2021 (arXiv:2106.09685) with AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101), linear
warm-up and decay, gradients clipped to norm 1. The loss of a step is the mean over the response
tokens of its batch; the prompt is context alone.

Ours: the order of rows is keyed by (seed, id, epoch), so it does not depend on the order in which
they are given; a batch is run in micro-batches of similar lengths, each loss divided by the
response tokens of the whole batch, so that memory follows the micro-batch and the gradient does
not; and there is no dropout.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError, DataError
from sluice.core.progress import Advance
from sluice.core.randomness import keyed_bits, uniform_of
from sluice.encoders.batches import longest_first, token_batches
from sluice.language.batches import halved
from sluice.language.pairs import Pair
from sluice.language.response_loss import (
    DTYPES,
    backward,
    causal_model,
    check_pairs,
    precision,
    response_batch,
)
from sluice.language.training.schedule import linear_schedule

if TYPE_CHECKING:
    import torch

MICRO_TOKENS = {"cpu": 384, "cuda": 16384}
"""Padded tokens of a micro-batch by device; they decide memory and speed, not the gradient."""
_CLIP = 1.0


@dataclass(frozen=True)
class FineTune:
    """How adapters are trained.

    Attributes
    ----------
    epochs : int
    learning_rate : float
        At the end of the warm-up.
    batch_size : int
        Rows of a step.
    warmup_share : float
        Share of the steps over which the learning rate rises from 0.
    weight_decay : float
    max_length : int
        Most tokens of a row; longer ones must have been windowed by `tokenise`.
    seed : int
        Of the order of rows.
    dtype : str
        ``"bfloat16"`` multiplies matrices in bfloat16, with weights and adapters as they are;
        ``"float32"`` does not. ``"auto"``: bfloat16 where the device has instructions for it
        (about 3 times as fast there, and tens of times slower where it has not).
    """

    epochs: int = 1
    learning_rate: float = 2e-4
    batch_size: int = 16
    warmup_share: float = 0.1
    weight_decay: float = 0.0
    max_length: int = 1024
    seed: int = 0
    dtype: str = "auto"

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch_size, self.max_length) < 1:
            raise ConfigError("Fine-tuning needs epochs, batch_size and max_length of at least 1.")
        if not self.learning_rate > 0 or self.weight_decay < 0 or not 0 <= self.warmup_share < 1:
            raise ConfigError(
                "Fine-tuning needs learning_rate above 0, weight_decay of at least 0 and "
                f"warmup_share from 0 to below 1, got {self.learning_rate}, {self.weight_decay} "
                f"and {self.warmup_share}."
            )
        if self.dtype not in DTYPES:
            raise ConfigError(f"Unknown dtype {self.dtype!r}. Known: {', '.join(DTYPES)}.")

    @property
    def version(self) -> str:
        """Text that changes whenever the same rows may give other adapters."""
        return (
            f"lora-tune-1:epochs={self.epochs}:lr={self.learning_rate:g}:batch={self.batch_size}:"
            f"warmup={self.warmup_share:g}:decay={self.weight_decay:g}:length={self.max_length}:"
            f"seed={self.seed}:{self.dtype}"
        )


@dataclass(frozen=True)
class TrainingRecord:
    """What a training did.

    Attributes
    ----------
    losses : tuple of float
        Of each step, before it: mean over the response tokens of its batch.
    seconds : float
        Wall time.
    tokens, response_tokens : int
        Read over all epochs, padding not counted.
    device : str
    moments : dict of str to (tensor, tensor)
        Adam's ``exp_avg`` and ``exp_avg_sq`` after the last step, by parameter name, on the CPU.
    """

    losses: tuple[float, ...]
    seconds: float
    tokens: int
    response_tokens: int
    device: str
    moments: dict[str, tuple[torch.Tensor, torch.Tensor]]

    @property
    def steps(self) -> int:
        """Steps of the optimiser."""
        return len(self.losses)


def fine_tune(
    model: Any,
    pairs: Sequence[Pair],
    ids: Sequence[str] | NDArray[np.str_],
    config: FineTune | None = None,
    advance: Advance | None = None,
    *,
    micro_tokens: int | None = None,
    weights: NDArray[np.floating] | None = None,
) -> TrainingRecord:
    """Train the weights of a model that are trainable, in place.

    Parameters
    ----------
    model : peft.PeftModel
        From `sluice.language.training.lora.attach`, or ``load(..., trainable=True)``.
    pairs : sequence of Pair, length n
        From ``tokenise(..., end=True)``.
    ids : sequence of str, length n
        Name of each row, each once.
    config : FineTune, optional
    advance : callable, optional
        Called with the number of rows done, after each step.
    micro_tokens : int, optional
        Padded tokens of a micro-batch; None for a good number for the device.
    weights : ndarray of float, shape (n,), optional
        Of the loss of each row's response tokens, brought to a mean of 1; every row weighs 1 by
        default.

    Returns
    -------
    TrainingRecord

    Raises
    ------
    DataError
        If there are no rows, ids are missing or double, a row has no response or is longer than
        `config.max_length`, or the loss is no longer finite.
    ConfigError
        If no weight is trainable, or one row does not fit into the device's memory.

    Notes
    -----
    The same rows and configuration give the same adapters on one kind of machine and thread
    count, in whatever order the rows come. The model is left in evaluation mode.
    """
    config = config or FineTune()
    names = _checked(pairs, ids, config)
    trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if not trainable:
        raise ConfigError("No weight of the model is trainable; attach adapters to it first.")
    began = perf_counter()
    training = _Training(model.eval(), trainable, config, len(pairs), micro_tokens)
    counts = None if weights is None else np.asarray(weights, np.float64) / np.mean(weights)
    losses: list[float] = []
    for positions in _batches(names, config):
        batch = [pairs[i] for i in positions]
        weight = None if counts is None else counts[positions]
        losses.append(training.step(batch, len(losses) + 1, weight))
        if advance is not None:
            advance(len(positions))
    return TrainingRecord(
        losses=tuple(losses),
        seconds=perf_counter() - began,
        tokens=config.epochs * sum(len(pair) for pair in pairs),
        response_tokens=config.epochs * sum(len(pair.response) for pair in pairs),
        device=str(training.device),
        moments=training.moments(),
    )


def _checked(
    pairs: Sequence[Pair], ids: Sequence[str] | NDArray[np.str_], config: FineTune
) -> NDArray[np.str_]:
    if not len(pairs):
        raise DataError("There are no rows to train on; give at least one prompt with a response.")
    check_pairs(pairs)
    names = np.asarray(ids, dtype=np.str_)
    if len(names) != len(pairs) or len(np.unique(names)) != len(names):
        raise DataError(
            f"Each of the {len(pairs)} rows needs an id of its own; got {len(names)} ids, "
            f"{len(np.unique(names))} of them different."
        )
    for name, pair in zip(names, pairs, strict=True):
        if len(pair) > config.max_length:
            raise DataError(
                f"Row {name!r} has {len(pair)} tokens, more than max_length={config.max_length}. "
                "Tokenise it with that max_length, which windows it."
            )
    return names


def _batches(names: NDArray[np.str_], config: FineTune) -> Iterator[NDArray[np.int64]]:
    bits = keyed_bits(config.seed, names)
    for epoch in range(config.epochs):
        order = np.lexsort((names, uniform_of(bits, epoch))).astype(np.int64)
        for start in range(0, len(order), config.batch_size):
            yield order[start : start + config.batch_size]


class _Training:
    """The model, its optimiser, and one step after another."""

    def __init__(
        self, model: Any, weights: dict[str, Any], config: FineTune, n: int, budget: int | None
    ) -> None:
        import torch

        self.model, self.weights, self.dtype = model, weights, config.dtype
        self.device: torch.device = causal_model(model).device
        self.budget = budget or MICRO_TOKENS.get(self.device.type, MICRO_TOKENS["cpu"])
        self.optimiser = torch.optim.AdamW(
            weights.values(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        steps = config.epochs * -(-n // config.batch_size)
        self.schedule = linear_schedule(self.optimiser, steps, config.warmup_share)

    def step(
        self, pairs: list[Pair], number: int, weight: NDArray[np.float64] | None = None
    ) -> float:
        """Take one step on one batch and return its mean loss."""
        import torch

        loss = self.gradient(pairs, weight)
        if not isfinite(loss):
            raise DataError(
                f"The loss is {loss} at step {number}. Lower the learning rate, or train with "
                "dtype float32."
            )
        torch.nn.utils.clip_grad_norm_(list(self.weights.values()), _CLIP)
        self.optimiser.step()
        self.schedule.step()
        return loss

    def gradient(self, pairs: list[Pair], weight: NDArray[np.float64] | None = None) -> float:
        """Set the gradient of the batch's mean loss, and return the loss."""
        import torch

        scale = 1.0 / sum(len(pair.response) for pair in pairs)
        lengths = np.array([len(pair) for pair in pairs])
        order = longest_first(lengths)
        while True:
            # A micro-batch that fails has added part of its gradient: the batch starts again.
            self.optimiser.zero_grad(set_to_none=True)
            total, part = 0.0, slice(0, 0)
            try:
                for part in token_batches(lengths[order], self.budget):
                    batch = response_batch([pairs[i] for i in order[part]], self.device)
                    with precision(self.model, self.dtype):
                        total += backward(self.model, batch, scale, self._of(weight, order[part]))
                return total * scale
            except torch.OutOfMemoryError:
                rows, longest = part.stop - part.start, int(lengths[order[part.start]])
            # Outside of the handler: its traceback would keep the batch's tensors alive.
            self.budget = halved(rows, longest)
            torch.cuda.empty_cache()

    def _of(
        self, weight: NDArray[np.float64] | None, rows: NDArray[np.int64]
    ) -> torch.Tensor | None:
        import torch

        if weight is None:
            return None
        return torch.from_numpy(weight[rows].astype(np.float32)).to(self.device)

    def moments(self) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        """Return Adam's moments by parameter name."""
        state = self.optimiser.state
        return {
            name: (state[p]["exp_avg"].cpu().clone(), state[p]["exp_avg_sq"].cpu().clone())
            for name, p in self.weights.items()
        }
