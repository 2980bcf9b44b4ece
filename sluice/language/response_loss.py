"""Loss of response tokens: padded batches, logits at response positions only.

The prompt is context and is never scored. The language-model head is the widest layer of a small
model, so it is applied to the hidden states that predict a response token and to no others, a
few hundred positions at a time: memory stays flat in the number of rows and in their length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sluice.core.errors import ConfigError, DataError
from sluice.language.pairs import Pair

if TYPE_CHECKING:
    import torch

DTYPES = ("auto", "float32", "bfloat16")
_LOGITS = {"cpu": 1 << 24, "cuda": 1 << 27}
_RESCALED = ("final_logit_softcapping", "logit_scale", "logits_scaling")


@dataclass(frozen=True)
class ResponseBatch:
    """Pairs as padded tensors, with the positions that predict response tokens.

    Attributes
    ----------
    ids : tensor of int64, shape (b, L)
        Prompt and response, padded on the right with 0, which no attention reads.
    mask : tensor of int64, shape (b, L), or None
        1 at tokens; None where no row is padded, which lets torch take its causal kernel.
    rows, columns : tensor of int64, shape (m,)
        Of the hidden state before each response token, row by row.
    targets : tensor of int64, shape (m,)
        The response tokens.
    """

    ids: torch.Tensor
    mask: torch.Tensor | None
    rows: torch.Tensor
    columns: torch.Tensor
    targets: torch.Tensor


def response_batch(pairs: Sequence[Pair], device: Any = "cpu") -> ResponseBatch:
    """Pad pairs on the right and point at their response tokens.

    Parameters
    ----------
    pairs : sequence of Pair, length b
        At least one.
    device : torch device or str

    Returns
    -------
    ResponseBatch

    Raises
    ------
    DataError
        If a pair has no prompt token or no response token.
    """
    import torch

    check_pairs(pairs)
    lengths = np.array([len(pair) for pair in pairs])
    ids = np.zeros((len(pairs), int(lengths.max())), np.int64)
    for row, pair in enumerate(pairs):
        ids[row, : lengths[row]] = np.concatenate([pair.prompt, pair.response])
    rows = np.repeat(np.arange(len(pairs)), [len(pair.response) for pair in pairs])
    columns = np.concatenate([np.arange(len(p.prompt) - 1, len(p) - 1) for p in pairs])
    mask = np.arange(ids.shape[1])[None] < lengths[:, None]
    return ResponseBatch(
        ids=torch.from_numpy(ids).to(device),
        mask=None if mask.all() else torch.from_numpy(mask.astype(np.int64)).to(device),
        rows=torch.from_numpy(rows).to(device),
        columns=torch.from_numpy(columns).to(device),
        targets=torch.from_numpy(ids[rows, columns + 1]).to(device),
    )


def check_pairs(pairs: Sequence[Pair]) -> None:
    """Refuse pairs that cannot be read.

    Raises
    ------
    DataError
        One has no prompt token or no response token.
    """
    for row, pair in enumerate(pairs):
        if not len(pair.response) or not len(pair.prompt):
            what = "prompt" if len(pair.response) else "response"
            raise DataError(f"Pair {row} has no {what} token. Set such rows aside.")


def causal_model(model: Any) -> Any:
    """Return the causal model itself, whose layers hold the adapters where there are some."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def body_and_head(model: Any) -> tuple[Any, Any]:
    """Return the transformer without its head, and the head, of a causal model.

    Raises
    ------
    ConfigError
        If the model has no separate head, or rescales its logits after the head.
    """
    causal = causal_model(model)
    body, head = causal.base_model, causal.get_output_embeddings()
    name = type(causal).__name__
    if head is None or body is causal:
        raise ConfigError(f"{name} has no separate language-model head; use a causal model.")
    for key in _RESCALED:
        if getattr(causal.config, key, None) not in (None, 1, 1.0):
            raise ConfigError(
                f"{name} rescales its logits ({key}), which response losses do not do. "
                "Use a model without it, such as a Llama, Qwen2, Mistral or GPT-2."
            )
    return body, head


def precision(model: Any, dtype: str) -> AbstractContextManager[Any]:
    """Return a context of mixed precision.

    Parameters
    ----------
    model : transformers or peft model
    dtype : str
        ``"bfloat16"`` multiplies matrices in bfloat16 and keeps the weights as they are;
        ``"float32"`` calculates in the weights' own type; ``"auto"``: bfloat16 where the device
        has instructions for it.

    Raises
    ------
    ConfigError
        If `dtype` is another.
    """
    import torch

    if dtype not in DTYPES:
        raise ConfigError(f"Unknown dtype {dtype!r}. Known: {', '.join(DTYPES)}.")
    device = causal_model(model).device.type
    if dtype == "float32" or (dtype == "auto" and not multiplies_bfloat16(device)):
        return nullcontext()
    return torch.autocast(device, torch.bfloat16)


def multiplies_bfloat16(device: str) -> bool:
    """Whether a type of device has instructions for products in bfloat16.

    A processor without them imitates them, tens of times slower than it multiplies float32.

    Parameters
    ----------
    device : str
        ``"cpu"`` or ``"cuda"``.
    """
    import torch

    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    known = torch.cpu.get_capabilities()
    return any(known.get(name, False) for name in ("amx_bf16", "avx512_bf16", "bf16"))


def backward(
    model: Any, batch: ResponseBatch, scale: float, weights: torch.Tensor | None = None
) -> float:
    """Add the gradient of ``scale * summed loss`` to the trainable weights.

    The head's part is run backwards chunk by chunk as soon as its loss is known, so the logits
    of one chunk are all that is ever held; then the gradient of the hidden states runs back
    through the body. The gradient is the same as of the whole expression.

    Parameters
    ----------
    model : transformers or peft model
    batch : ResponseBatch
    scale : float
        For the mean over a larger batch: 1 / its response tokens.
    weights : tensor of float32, shape (b,), optional
        Of each row's loss; every row weighs 1 by default.

    Returns
    -------
    float
        Summed negative log-likelihood of the batch's responses, weighted and not scaled.
    """
    body, head = body_and_head(model)
    states = _states(body, batch)
    leaf = states.detach().requires_grad_()
    total = 0.0
    for part in _parts(leaf, head):
        logits, targets = head(leaf[part]), batch.targets[part]
        if weights is None:
            loss = _cross_entropy(logits, targets, "sum")
        else:
            loss = (_cross_entropy(logits, targets, "none") * weights[batch.rows[part]]).sum()
        (loss * scale).backward()
        total += float(loss.detach())
    states.backward(leaf.grad)
    return total


def _states(body: Any, batch: ResponseBatch) -> torch.Tensor:
    hidden = body(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False)
    return hidden.last_hidden_state[batch.rows, batch.columns]


def _parts(states: torch.Tensor, head: Any) -> Iterator[slice]:
    size = max(_LOGITS.get(states.device.type, 1 << 24) // head.weight.shape[0], 1)
    for start in range(0, len(states), size):
        yield slice(start, start + size)


def _cross_entropy(logits: torch.Tensor, targets: torch.Tensor, reduction: str) -> torch.Tensor:
    import torch

    # The log-softmax of half-precision logits is taken in float32.
    wide = logits if logits.dtype == torch.float64 else logits.float()
    return torch.nn.functional.cross_entropy(wide, targets, reduction=reduction)
