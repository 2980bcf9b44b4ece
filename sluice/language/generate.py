"""Greedy answers of a causal language model to prompts, in batches of similar length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError
from sluice.language.batches import TokenBudget, in_batches
from sluice.language.response_loss import causal_model


def generate(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[NDArray[np.int64]],
    max_new_tokens: int | Sequence[int],
    *,
    max_tokens: int = 2048,
) -> list[str]:
    """Answer each prompt with the most likely token at every step, until the end-of-turn token.

    Parameters
    ----------
    model : transformers causal model, or a peft model around one
    tokenizer : transformers tokenizer
    prompts : sequence of ndarray of int64, length n
        `Pair.prompt` of each row.
    max_new_tokens : int or sequence of int, length n
        Longest answer in tokens, of all rows or of each.
    max_tokens : int
        Tokens of a batch, padding and answers included; changes speed and memory only.

    Returns
    -------
    list of str, length n
        Without special tokens.

    Raises
    ------
    ConfigError
        `max_new_tokens` is below 1 somewhere.

    Notes
    -----
    Cost: one pass over the prompt, and one step a token of the longest answer of a batch.
    """
    import torch

    limits = np.full(len(prompts), max_new_tokens, dtype=np.int64)
    if len(limits) and limits.min() < 1:
        raise ConfigError(f"max_new_tokens is {limits.min()}; give at least 1.")
    device = causal_model(model).device
    end = tokenizer.eos_token_id
    answers = [""] * len(prompts)
    lengths = np.array([len(prompt) for prompt in prompts], dtype=np.int64) + limits

    def run(positions: NDArray[np.int64]) -> list[str]:
        width = max(len(prompts[i]) for i in positions)
        ids = torch.zeros((len(positions), width), dtype=torch.int64)
        mask = torch.zeros_like(ids)
        for row, i in enumerate(positions.tolist()):
            # on the left, so that every answer begins where its prompt ends
            ids[row, width - len(prompts[i]) :] = torch.from_numpy(prompts[i])
            mask[row, width - len(prompts[i]) :] = 1
        most = torch.from_numpy(limits[positions]).to(device)
        with torch.inference_mode():
            found = model.generate(
                input_ids=ids.to(device),
                attention_mask=mask.to(device),
                max_new_tokens=int(most.max()),
                stopping_criteria=[lambda now, _, **__: now.shape[1] - width >= most],
                do_sample=False,
                pad_token_id=0 if end is None else end,
                eos_token_id=end,
            )
        return tokenizer.batch_decode(found[:, width:], skip_special_tokens=True)

    for positions, texts in in_batches(lengths, TokenBudget(max_tokens), run):
        for i, text in zip(positions.tolist(), texts, strict=True):
            answers[i] = text
    return answers
