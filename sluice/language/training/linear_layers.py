"""Inputs and output gradients of linear layers, handed over layer by layer during backward.

The gradient of one row with respect to the weights of a linear layer is sum_t delta_t x_t^T, with
x_t the layer's input at token t and delta_t the loss's gradient at its output (Goodfellow 2015,
arXiv:1510.01799). Since rows do not meet in a causal language model, one backward pass over a
batch gives the factors of every row's gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sluice.core.errors import ConfigError
from sluice.language.pairs import Pair
from sluice.language.response_loss import backward, causal_model, response_batch

if TYPE_CHECKING:
    import torch

    OnLayer = Callable[[str, torch.Tensor, torch.Tensor], None]

BLOCK_LINEARS = ("Linear", "Conv1D")
"""Classes of layers with y = x W: torch's, and the transposed one of GPT-2."""


def lora_layers(model: Any) -> dict[str, Any]:
    """Return the layers ``lora_A`` and ``lora_B`` of a peft model's active adapters, by name.

    Raises
    ------
    ConfigError
        The model has none.
    """
    # A bare transformers model has a method of this name.
    names = getattr(model, "active_adapters", ())
    active: set[str] = set() if callable(names) else set(names)
    layers = {
        name: module
        for name, module in model.named_modules()
        if type(module).__name__ == "Linear" and _is_lora(name, active)
    }
    if not layers:
        raise ConfigError(
            "The model has no active LoRA layers. Attach an adapter with peft before, or name the "
            "layers."
        )
    return layers


def _is_lora(name: str, active: set[str]) -> bool:
    parts = name.split(".")
    return len(parts) > 1 and parts[-2] in ("lora_A", "lora_B") and parts[-1] in active


def block_layers(model: Any, last_blocks: int | None = None) -> dict[str, Any]:
    """Return the linear layers of attention and MLP of a model's last blocks, by name.

    A block is a member of the longest list of modules of the model; a fused QKV projection is one
    layer. The output layer belongs to no block; adapters do not count, the layers beneath them do.

    Parameters
    ----------
    model : transformers causal language model
    last_blocks : int, optional
        None for all blocks.

    Raises
    ------
    ConfigError
        The model has no list of blocks, they hold no linear layer, or `last_blocks` is below 1.
    """
    if last_blocks is not None and last_blocks < 1:
        raise ConfigError(f"last_blocks must be at least 1 or None, got {last_blocks}.")
    lists = [
        (name, module)
        for name, module in model.named_modules()
        if type(module).__name__ == "ModuleList"
    ]
    if not lists:
        raise ConfigError("The model has no list of blocks. Name its layers.")
    prefix, blocks = max(lists, key=lambda pair: len(pair[1]))
    first = 0 if last_blocks is None else max(len(blocks) - last_blocks, 0)
    layers = {
        f"{prefix}.{number}.{name}": module
        for number in range(first, len(blocks))
        for name, module in blocks[number].named_modules()
        if type(module).__name__ in BLOCK_LINEARS and "lora_" not in name
    }
    if not layers:
        raise ConfigError("The model's blocks hold no linear layer. Name the layers.")
    return layers


def weight_shape(layer: Any) -> tuple[int, int]:
    """Return outputs and inputs of a linear layer, whichever way it stores its weights."""
    outputs, inputs = layer.weight.shape
    return (inputs, outputs) if type(layer).__name__ == "Conv1D" else (outputs, inputs)


def row_factors(
    model: Any, pairs: Sequence[Pair], layers: Mapping[str, Any], on_layer: OnLayer
) -> float:
    """Run a batch forward and back; hand over each layer's factors as soon as they exist.

    No gradient of any weight is computed, the pass goes back no further than to the first of the
    layers, and a layer's factors are freed after its call, so memory is what the pass needs.

    Parameters
    ----------
    model : transformers causal language model, or a peft model around one
        In evaluation mode, or dropout makes the loss random.
    pairs : sequence of Pair, length b
    layers : mapping of str to Linear
    on_layer : callable
        Called once a layer, last layer first, with its name, its inputs x (b, t, in) and the
        gradients delta (b, t, out) at its outputs, of the sum over rows of the mean negative
        log-likelihood of their response tokens. Half precision comes as float32. Gradients are 0
        at padding.

    Returns
    -------
    float
        Summed negative log-likelihood of all response tokens.

    Raises
    ------
    ConfigError
        A layer sees no (rows, tokens, features), as routed experts do, or runs twice in a pass.
    DataError
        A pair has no prompt or no response token.
    """
    import torch

    batch = response_batch(pairs, causal_model(model).device)
    sizes = torch.bincount(batch.rows, minlength=len(pairs))

    def layer(name: str, inputs: torch.Tensor, deltas: torch.Tensor) -> None:
        # Rows do not meet, so the gradient of a row's mean is that of its sum, divided.
        on_layer(name, inputs, deltas / sizes[:, None, None].to(deltas.dtype))

    with torch.enable_grad(), _frozen(model), _watched(layers, layer):
        return backward(model, batch, 1.0)


@contextmanager
def _frozen(model: Any) -> Generator[None]:
    """Let no weight collect a gradient; give those that did their right back afterwards."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in trained:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)


@contextmanager
def _watched(layers: Mapping[str, Any], on_layer: OnLayer) -> Generator[None]:
    seen: set[str] = set()
    hooks = [
        layer.register_forward_hook(_watcher(name, seen, on_layer))
        for name, layer in layers.items()
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _watcher(name: str, seen: set[str], on_layer: OnLayer) -> Callable[..., Any]:
    import torch

    def single(values: torch.Tensor) -> torch.Tensor:
        return values.detach().to(torch.promote_types(values.dtype, torch.float32))

    def watch(_module: Any, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> torch.Tensor:
        given = inputs[0].detach()
        if given.dim() != 3 or name in seen:
            raise ConfigError(
                f"Layer {name!r} does not run once on each token of each row, so its gradients "
                "cannot be told apart by row. Leave it out."
            )
        seen.add(name)
        # The first watched layers are the leaves: backward goes no deeper than they need.
        watched = output if output.requires_grad else output.detach().requires_grad_()
        watched.register_hook(lambda delta: on_layer(name, single(given), single(delta)))
        return watched

    return watch


def row_gradients(inputs: torch.Tensor, deltas: torch.Tensor) -> torch.Tensor:
    """Weight gradient of each row, sum_t delta_t x_t^T.

    Parameters
    ----------
    inputs : Tensor, shape (b, t, in)
    deltas : Tensor, shape (b, t, out)

    Returns
    -------
    Tensor, shape (b, out, in)
    """
    return deltas.transpose(1, 2) @ inputs
