"""The loss of the responses of a batch, with logits at the response positions only."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sluice.errors import DataError
from sluice.language.pairs import Pair

if TYPE_CHECKING:
    from collections.abc import Generator

    import torch


@dataclass(frozen=True)
class PairBatch:
    """Pairs as one padded tensor, and where their response tokens are predicted.

    Attributes
    ----------
    ids : Tensor of int64, shape (b, t)
        Prompt and response, padded on the right: under causal attention no real token sees the
        padding, so no mask is needed.
    rows, positions : Tensor of int64, shape (m,)
        Where each of the m response tokens is predicted: one position before it.
    targets : Tensor of int64, shape (m,)
        The response tokens.
    weights : Tensor of float32, shape (m,)
        One over the number of response tokens of the row, so that a weighted sum is the sum over
        rows of their mean losses.
    lengths : ndarray of int64, shape (b,)
        Tokens of each row without padding.
    """

    ids: torch.Tensor
    rows: torch.Tensor
    positions: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor
    lengths: np.ndarray

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.lengths)


def check_pairs(pairs: Sequence[Pair]) -> None:
    """Refuse a pair whose response loss is undefined.

    Raises
    ------
    DataError
        A prompt or a response has no token.
    """
    for row, pair in enumerate(pairs):
        for part, tokens in (("prompt", pair.prompt), ("response", pair.response)):
            if not len(tokens):
                raise DataError(
                    f"Pair {row} has no {part} token, so its response has no loss. Set such rows "
                    "aside before."
                )


def pair_batch(pairs: Sequence[Pair], pad: int, device: torch.device | str) -> PairBatch:
    """Pad some pairs to the longest of them.

    Parameters
    ----------
    pairs : sequence of Pair, length b
        Each with at least one prompt and one response token (`check_pairs`).
    pad : int
        Token id that fills the gaps; any id of the vocabulary will do.
    device : torch.device or str

    Returns
    -------
    PairBatch
    """
    import torch

    lengths = np.array([len(pair) for pair in pairs], dtype=np.int64)
    ids = np.full((len(pairs), int(lengths.max())), pad, dtype=np.int64)
    for row, pair in enumerate(pairs):
        ids[row, : len(pair)] = np.concatenate([pair.prompt, pair.response])
    sizes = np.array([len(pair.response) for pair in pairs], dtype=np.int64)
    positions = [np.arange(len(pair.prompt) - 1, len(pair) - 1) for pair in pairs]

    def there(values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values).to(device)

    return PairBatch(
        there(ids),
        there(np.repeat(np.arange(len(pairs), dtype=np.int64), sizes)),
        there(np.concatenate(positions).astype(np.int64)),
        there(np.concatenate([pair.response for pair in pairs]).astype(np.int64)),
        there(np.repeat(1.0 / sizes, sizes).astype(np.float32)),
        lengths,
    )


def summed_loss(model: Any, batch: PairBatch) -> torch.Tensor:
    """Sum over rows of the mean negative log-likelihood of their response tokens.

    The output layer is given the hidden states of the response positions alone (a hook before
    it), so the logits of prompts and padding, often most of the work of a small model, are never
    made. Whatever a model does to its logits afterwards still happens.

    Parameters
    ----------
    model : transformers causal language model, or a peft model around one
        In evaluation mode, or dropout makes the loss random.
    batch : PairBatch

    Returns
    -------
    Tensor, scalar
        float32, or float64 where the model is.
    """
    import torch

    with _only_at(model, batch):
        logits = model(input_ids=batch.ids, use_cache=False).logits[0]
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    losses = torch.nn.functional.cross_entropy(logits, batch.targets, reduction="none")
    return (losses * batch.weights).sum()


@contextmanager
def _only_at(model: Any, batch: PairBatch) -> Generator[None]:
    def keep(_module: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return (inputs[0][batch.rows, batch.positions][None], *inputs[1:])

    hook = model.get_output_embeddings().register_forward_pre_hook(keep)
    try:
        yield
    finally:
        hook.remove()
