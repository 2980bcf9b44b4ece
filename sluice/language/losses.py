"""Losses of response tokens, with and without their prompt, at the cost of their positions.

The terms of IFD (arXiv:2308.12032) and of T-SHIRT's token differences (arXiv:2506.01317, section
3). Ours is how they are computed: batches by length over rows and copies, and logits at response
positions only, in chunks, so that no tensor of all logits ever exists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import DataError
from sluice.core.progress import Advance
from sluice.encoders.batches import padded
from sluice.language.batches import TokenBudget, in_batches
from sluice.language.noise import Noise, noise_of
from sluice.language.pairs import Pair
from sluice.language.reader import Reader, reader_of
from sluice.language.response_loss import check_pairs

if TYPE_CHECKING:
    from torch import Tensor

_BATCH_TOKENS = {"cpu": 1024, "cuda": 32_768}
"""Of one batch, padding included, where nobody says otherwise: measured on the CPU, where more
leaves the caches; a first guess on CUDA, where too much is halved."""
_LOGITS_BYTES = {"cpu": 2**25, "cuda": 2**29}
"""Of one chunk of float32 logits: what stays near the cores, and what keeps a GPU busy."""


@dataclass(frozen=True)
class Passage:
    """A sequence of tokens, and from where on its losses are wanted.

    Attributes
    ----------
    tokens : ndarray of int64, shape (t,)
    first : int
        Position of the first token whose loss is wanted, at least 1: it needs a context.
    noise : Noise or None
    """

    tokens: NDArray[np.int64]
    first: int
    noise: Noise | None = None


def start_tokens(tokenizer: Any) -> tuple[int, ...]:
    """Tokens that the tokenizer itself puts before a text, such as Llama's ``<s>``; often none."""
    bare = list(tokenizer.encode("a", add_special_tokens=False))
    whole = list(tokenizer.encode("a"))
    for before in range(len(whole) - len(bare) + 1):
        if whole[before : before + len(bare)] == bare:
            return tuple(whole[:before])
    return ()


def after_prompt(pair: Pair, noise: Noise | None = None) -> Passage:
    """Return the passage that gives the response's losses given its prompt.

    Parameters
    ----------
    pair : Pair
    noise : Noise, optional
        Over prompt and response.
    """
    return Passage(np.concatenate([pair.prompt, pair.response]), len(pair.prompt), noise)


def alone(pair: Pair, start: Sequence[int] = (), noise: Noise | None = None) -> Passage:
    """Return the passage that gives the response's losses without its prompt.

    Parameters
    ----------
    pair : Pair
    start : sequence of int
        From `start_tokens`. Without any, the response's first token has no context and no loss.
    noise : Noise, optional
        The same as `after_prompt` got: the response gets the same numbers. Ours: start tokens,
        which are no part of the row, get none.
    """
    tokens = np.concatenate([np.array(start, np.int64), pair.response])
    if noise is not None:
        noise = replace(noise, offset=len(pair.prompt) - len(start), bare=len(start))
    return Passage(tokens, max(len(start), 1), noise)


def conditional(
    model: Any, pairs: Sequence[Pair], *, max_tokens: int | None = None
) -> list[NDArray[np.float32]]:
    """Loss of each response token given the prompt and the tokens before it.

    Parameters
    ----------
    model : transformers causal language model, or a peft model around one
        On its device. It is read in eval mode and left as it was.
    pairs : sequence of Pair, length n
    max_tokens : int, optional
        Tokens of a batch, padding included; default by device. No part of the result but for its
        last bits.

    Returns
    -------
    list of ndarray of float32, length n
        Negative log-likelihoods in nats, shape (r,) for a response of r tokens.

    Raises
    ------
    DataError
        A pair has no prompt or no response, is longer than the model's context, or has tokens
        that the model does not know.
    ConfigError
        See `sluice.language.reader.reader_of` and `sluice.language.batches.in_batches`.

    Notes
    -----
    Cost: a forward pass over all tokens, and the output layer over the response tokens.
    """
    check_pairs(pairs)
    with reader_of(model) as reader:
        return read(reader, [after_prompt(pair) for pair in pairs], budget_of(reader, max_tokens))


def unconditional(
    model: Any,
    pairs: Sequence[Pair],
    *,
    start: Sequence[int] = (),
    max_tokens: int | None = None,
) -> list[NDArray[np.float32]]:
    """Loss of each response token given only the response's tokens before it.

    Parameters, errors and cost as for `conditional`.

    Parameters
    ----------
    start : sequence of int
        Tokens that the tokenizer itself puts before a text: `start_tokens`.

    Returns
    -------
    list of ndarray of float32, length n
        Shape (r,) with a start token, else (r - 1,): the first token has no context.
    """
    check_pairs(pairs)
    with reader_of(model) as reader:
        return read(reader, [alone(pair, start) for pair in pairs], budget_of(reader, max_tokens))


def budget_of(reader: Reader, max_tokens: int | None) -> TokenBudget:
    """Return the budget that was asked for, or else the one that suits the reader's device."""
    if max_tokens is None:
        max_tokens = _BATCH_TOKENS.get(reader.device.type, _BATCH_TOKENS["cpu"])
    return TokenBudget(max_tokens)


def read(
    reader: Reader,
    passages: Sequence[Passage],
    budget: TokenBudget,
    advance: Advance | None = None,
) -> list[NDArray[np.float32]]:
    """Losses of passages, in the order given.

    Parameters
    ----------
    reader : Reader
    passages : sequence of Passage, length n
    budget : TokenBudget
        Lowered where the GPU's memory runs out.
    advance : callable, optional
        Called with the number of passages done, after each batch.

    Returns
    -------
    list of ndarray of float32, length n
        Of a passage of t tokens: shape (t - first,), or none where that is not positive.

    Raises
    ------
    DataError
        A passage is longer than the model's context, or has tokens that it does not know.
    """
    results = [np.empty(0, dtype=np.float32)] * len(passages)
    for row, passage in enumerate(passages):
        _check(reader, row, passage)
    asked = [row for row, passage in enumerate(passages) if len(passage.tokens) > passage.first]
    # The last token is only foretold, never read.
    lengths = np.array([len(passages[row].tokens) - 1 for row in asked], dtype=np.int64)

    def run(positions: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        return _losses(reader, [passages[asked[p]] for p in positions])

    for positions, losses in in_batches(lengths, budget, run):
        for position, values in zip(positions.tolist(), losses, strict=True):
            results[asked[position]] = values
        if advance is not None:
            advance(len(positions))
    if advance is not None and len(asked) < len(passages):
        advance(len(passages) - len(asked))
    return results


def _check(reader: Reader, row: int, passage: Passage) -> None:
    if reader.context is not None and len(passage.tokens) > reader.context:
        raise DataError(
            f"Row {row} has {len(passage.tokens)} tokens and the model reads at most "
            f"{reader.context}. Tokenise with max_length (language_model.max_length) of at most "
            "that, which windows longer rows."
        )
    if (
        len(passage.tokens)
        and not 0 <= passage.tokens.min() <= passage.tokens.max() < reader.tokens
    ):
        raise DataError(
            f"Row {row} has a token that the model does not know (it knows {reader.tokens}). "
            "Tokenise with the tokenizer of this very model."
        )


def _losses(reader: Reader, passages: Sequence[Passage]) -> list[NDArray[np.float32]]:
    """Losses of one batch."""
    import torch

    whole, lengths = padded([passage.tokens.tolist() for passage in passages], 0)
    with torch.inference_mode():
        hidden = _hidden(reader, torch.from_numpy(whole[:, :-1]), passages)
        rows = [
            np.full(n - p.first, r) for r, (n, p) in enumerate(zip(lengths, passages, strict=True))
        ]
        at = [np.arange(p.first, n) for n, p in zip(lengths, passages, strict=True)]
        row, position = np.concatenate(rows), np.concatenate(at)
        flat = torch.from_numpy(row * hidden.shape[1] + position - 1).to(reader.device)
        targets = torch.from_numpy(whole[row, position]).to(reader.device)
        losses = _at(reader, hidden.flatten(0, 1)[flat], targets).cpu().numpy()
    return np.split(losses, np.cumsum([len(part) for part in at])[:-1])


def _hidden(reader: Reader, ids: Tensor, passages: Sequence[Passage]) -> Tensor:
    """Last hidden states; without a mask, because no token sees the padding that follows it."""
    ids = ids.to(reader.device)
    if not any(passage.noise is not None and passage.noise.scale for passage in passages):
        return reader.body(input_ids=ids, use_cache=False).last_hidden_state
    noise = noise_of([p.noise for p in passages], ids.shape[1], reader.width, reader.device)
    moved = noise.add_(reader.embed(ids)).to(reader.dtype)
    return reader.body(inputs_embeds=moved, use_cache=False).last_hidden_state


def _at(reader: Reader, hidden: Tensor, targets: Tensor) -> Tensor:
    """Losses at some positions, chunk by chunk: (n, c) and (n,) to float32 (n,)."""
    import torch

    size = max(_LOGITS_BYTES.get(reader.device.type, 2**25) // (4 * reader.tokens), 1)
    losses = torch.empty(len(targets), dtype=torch.float32, device=reader.device)
    for start in range(0, len(targets), size):
        part = slice(start, start + size)
        logits = reader.logits(hidden[part])
        losses[part] = logits.logsumexp(1) - logits.gather(1, targets[part, None])[:, 0]
    return losses
