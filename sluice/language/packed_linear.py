"""A model's dense layers on the CPU with their weights in the layout that is fastest there."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from sluice.encoders.bert import Linear


@contextmanager
def packed_linears(model: Any) -> Generator[None]:
    """Let the float32 dense layers of a model on the CPU run on packed copies of their weights.

    Parameters
    ----------
    model : transformers model
        Changed for the time of the context alone. Its weights must not change meanwhile, and no
        gradient flows.

    Notes
    -----
    Ours. Doubles the memory of those weights. Elsewhere than on a CPU it does nothing. Results
    agree with the plain layers' to about 1e-6.
    """
    import torch
    from transformers.pytorch_utils import Conv1D

    changed: list[Any] = []
    try:
        for module in model.modules():
            # Exactly these: a subclass may compute something else.
            if type(module) not in (torch.nn.Linear, Conv1D):
                continue
            weight = module.weight
            if weight.device.type != "cpu" or weight.dtype != torch.float32:
                continue
            # GPT-2 keeps its weights as (in, out).
            weight = weight.t() if isinstance(module, Conv1D) else weight
            bias = module.bias if module.bias is not None else torch.zeros(len(weight))
            module.forward = Linear(weight, bias).plain
            changed.append(module)
        yield
    finally:
        for module in changed:
            del module.forward
