"""What trainings of encoders share: their settings checked, randomness, batches and optimiser."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.arrays import checked_weights
from sluice.core.errors import ConfigError
from sluice.language.training.schedule import linear_schedule
from sluice.models.training import TrainingConfig

Weights = NDArray[np.float32]
_MEGABATCH = 50
_NO_DECAY = ("bias", "LayerNorm.weight", "layer_norm.weight", "norm.weight")


def check_training(config: TrainingConfig) -> None:
    """Refuse settings that train nothing.

    Raises
    ------
    ConfigError
        A number is out of range.
    """
    if min(config.epochs, config.batch_size) < 1 or config.max_length < 3:
        raise ConfigError("Training needs epochs and batch_size of at least 1, max_length of 3.")
    if not config.learning_rate > 0 or config.weight_decay < 0 or not 0 <= config.warmup_share < 1:
        raise ConfigError(
            "Training needs learning_rate above 0, weight_decay of at least 0 and warmup_share "
            f"from 0 to below 1, got {config.learning_rate}, {config.weight_decay} and "
            f"{config.warmup_share}."
        )


def mean_one(weights: NDArray[np.floating] | None, rows: int) -> Weights | None:
    """Return weights of rows brought to a mean of 1, so that steps are as long as without them.

    Raises
    ------
    DataError
        They are not of the rows, not finite, below 0, or all 0.
    """
    if weights is None:
        return None
    wide = checked_weights(weights, rows)
    return (wide / wide.mean()).astype(np.float32)


@contextmanager
def own_randomness(device: str, seed: int) -> Generator[None]:
    """Seed torch for a while and leave the caller's random state as it was."""
    import torch

    devices = [torch.device(device)] if device.startswith("cuda") else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def adamw_of(model: Any, config: TrainingConfig, steps: int) -> tuple[Any, Any]:
    """Return AdamW with decay of matrices alone, and its linear schedule.

    Parameters
    ----------
    model : torch module
        Parameters that need no gradient are left out.
    config : TrainingConfig
    steps : int
        Of the whole training.

    Returns
    -------
    optimiser, schedule
    """
    import torch

    decayed = {True: [], False: []}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            decayed[not name.endswith(_NO_DECAY)].append(parameter)
    optimiser = torch.optim.AdamW(
        [
            {"params": decayed[True], "weight_decay": config.weight_decay},
            {"params": decayed[False], "weight_decay": 0.0},
        ],
        lr=config.learning_rate,
        fused=True,
    )
    return optimiser, linear_schedule(optimiser, steps, config.warmup_share)


def descend(model: Any, loss: Any, optimiser: Any, schedule: Any) -> float:
    """Take one step down the gradient of a loss, clipped at length 1, and return the loss."""
    import torch

    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    schedule.step()
    return float(loss.detach())


def epoch_batches(
    lengths: NDArray[np.int64], batch_size: int, rng: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Cut one epoch into batches of similar lengths, in a random order.

    Parameters
    ----------
    lengths : ndarray of int64, shape (n,)
        Tokens of each text.
    batch_size : int
    rng : numpy Generator

    Yields
    ------
    ndarray of int64
        Positions; over the epoch each comes once.
    """
    # Random windows of 50 batches, sorted by length inside, their batches shuffled again: little
    # padding, and still another company for each text in each epoch.
    order = rng.permutation(len(lengths)).astype(np.int64)
    window = batch_size * _MEGABATCH
    batches: list[NDArray[np.int64]] = []
    for start in range(0, len(order), window):
        part = order[start : start + window]
        part = part[np.argsort(-lengths[part], kind="stable")]
        batches += [part[i : i + batch_size] for i in range(0, len(part), batch_size)]
    for index in rng.permutation(len(batches)):
        yield batches[index]
