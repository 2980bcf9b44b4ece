"""The learning rate over the steps of a training: linear warm-up, then linear decay to 0."""

from __future__ import annotations

from typing import Any


def linear_schedule(optimiser: Any, steps: int, warmup_share: float) -> Any:
    """Return a scheduler whose ``step()`` follows each step of the optimiser.

    Parameters
    ----------
    optimiser : torch optimiser
        Its learning rate is the highest one.
    steps : int
        Of the whole training.
    warmup_share : float
        Share of the steps over which the rate rises from 0.

    Returns
    -------
    torch.optim.lr_scheduler.LambdaLR
    """
    import torch

    warmup = round(warmup_share * steps)

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)
        return (steps - step) / max(steps - warmup, 1)

    return torch.optim.lr_scheduler.LambdaLR(optimiser, factor)
