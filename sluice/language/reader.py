"""A causal language model taken apart: its body, its output layer, and what it does to logits."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sluice.core.errors import ConfigError
from sluice.language.packed_linear import packed_linears

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Reader:
    """The parts of a model that losses need, so that logits are made where they are asked for.

    Attributes
    ----------
    body : callable
        Called with ``input_ids`` or ``inputs_embeds``; gives ``last_hidden_state``.
    embed : callable
        Token ids to embeddings.
    logits : callable
        Hidden states (n, c) to logits of float32, (n, v), scaled as the model does.
    device : torch.device
    dtype : torch.dtype
        Of the embeddings.
    width : int
        Length of a token's embedding.
    tokens : int
        How many token ids there are.
    context : int or None
        Longest sequence that the model can read, where it has a limit.
    """

    body: Callable[..., Any]
    embed: Callable[[Tensor], Tensor]
    logits: Callable[[Tensor], Tensor]
    device: Any
    dtype: Any
    width: int
    tokens: int
    context: int | None


@contextmanager
def reader_of(model: Any) -> Generator[Reader]:
    """Take a model apart for the time of the context.

    Parameters
    ----------
    model : transformers causal language model, or a peft model around one
        Set to eval mode meanwhile, and its dense layers packed where it is on a CPU.

    Yields
    ------
    Reader

    Raises
    ------
    ConfigError
        The model is not causal, or its parts do not give its own logits.
    """
    import torch

    plain = model.get_base_model() if hasattr(model, "get_base_model") else model
    training = model.training
    model.eval()
    try:
        with packed_linears(model):
            reader = _parts(plain)
            with torch.inference_mode():
                _probe(plain, reader)
            yield reader
    finally:
        model.train(training)


def _parts(model: Any) -> Reader:
    embedding, output = model.get_input_embeddings(), model.get_output_embeddings()
    config = model.config.get_text_config()
    context = getattr(config, "max_position_embeddings", None)

    def logits(hidden: Tensor) -> Tensor:
        # What Cohere's, Granite's and Gemma's families do after the output layer.
        values = output(hidden).float()
        if getattr(config, "logit_scale", None) is not None:
            values *= config.logit_scale
        if getattr(config, "logits_scaling", None) is not None:
            values /= config.logits_scaling
        cap = getattr(config, "final_logit_softcapping", None)
        return values if cap is None else (values / cap).tanh() * cap

    return Reader(
        body=model.base_model,
        embed=embedding,
        logits=logits,
        device=embedding.weight.device,
        dtype=embedding.weight.dtype,
        width=int(embedding.weight.shape[1]),
        tokens=int(embedding.weight.shape[0]),
        context=context if isinstance(context, int) else None,
    )


def _probe(model: Any, reader: Reader) -> None:
    """Check on two short sequences what the losses rest on, once for each use of a model."""
    import torch

    last = reader.tokens - 1
    ids = torch.tensor([[last // 2, last // 3, 0], [last // 2, last // 3, last]])
    ids = ids.to(reader.device)
    whole = model(input_ids=ids, use_cache=False).logits.float()
    hidden = reader.body(input_ids=ids, use_cache=False).last_hidden_state
    taken = reader.logits(hidden.flatten(0, 1)).view_as(whole)
    # bfloat16 has three digits; what is looked for is of the logits' own size.
    allowed = float(whole.std()) * (1e-4 if reader.dtype == torch.float32 else 0.1)
    name = type(model).__name__
    # Rows are padded on the right without a mask, because no token sees what follows it.
    if float((whole[0, :2] - whole[1, :2]).abs().max()) > allowed:
        raise ConfigError(
            f"{name} is not causal: a token's prediction depends on the tokens after it. Name a "
            "decoder, such as a Llama or a GPT-2."
        )
    if float((whole - taken).abs().max()) > allowed:
        raise ConfigError(
            f"{name} does more to its logits than its output layer and the scalings that are "
            "known here, so its losses would be wrong. Name another model."
        )
