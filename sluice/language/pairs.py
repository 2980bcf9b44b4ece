"""A prompt and its response as tokens, the boundary between them never merged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import DataError
from sluice.data.payloads.conversations import read_conversation

SHORTEST_PROMPT = 8


@dataclass(frozen=True)
class Pair:
    """One row as a causal language model reads it.

    Attributes
    ----------
    prompt : ndarray of int64, shape (p,)
        Tokens before the response: all earlier messages, in the model's chat format where it has
        one.
    response : ndarray of int64, shape (r,)
        Tokens of the response itself, without an end mark unless asked for.
    windowed : bool
        Whether tokens were cut because the row is longer than the context.
    """

    prompt: NDArray[np.int64]
    response: NDArray[np.int64]
    windowed: bool = False

    def __len__(self) -> int:
        """Return the number of tokens of both."""
        return len(self.prompt) + len(self.response)


def tokenise(
    tokenizer: Any,
    messages: Sequence[Mapping[str, str]],
    max_length: int,
    *,
    end: bool = False,
) -> Pair:
    """Tokenise a conversation whose last message is the response.

    Prompt and response are tokenised apart, so no token reaches over the boundary between them.
    Where both are longer than `max_length` the row is windowed (ours): the response keeps its
    first tokens, as many as leave `SHORTEST_PROMPT` tokens of the prompt, and the prompt keeps
    its last ones.

    Parameters
    ----------
    tokenizer : transformers tokenizer
    messages : sequence of mapping
        Each with ``role`` and ``content``; the last one's role is assistant.
    max_length : int
        Longest row in tokens, more than `SHORTEST_PROMPT`.
    end : bool
        Whether the response ends with the model's end-of-turn token, as training needs it.

    Returns
    -------
    Pair
        The prompt has at least one token.

    Raises
    ------
    DataError
        The conversation has no response, or `max_length` leaves no room for one.
    """
    if max_length <= SHORTEST_PROMPT:
        raise DataError(
            f"A row may be {max_length} tokens long, which leaves no room for a response; give "
            f"max_length more than {SHORTEST_PROMPT}."
        )
    if not messages or messages[-1]["role"] != "assistant":
        raise DataError("The conversation does not end with a response of the assistant.")
    prompt = _prompt(tokenizer, messages[:-1])
    response = list(tokenizer.encode(messages[-1]["content"], add_special_tokens=False))
    if end and tokenizer.eos_token_id is not None:
        response.append(tokenizer.eos_token_id)
    over = len(prompt) + len(response) - max_length
    if over > 0:
        response = response[: max_length - min(len(prompt), SHORTEST_PROMPT)]
        prompt = prompt[-(max_length - len(response)) :]
    return Pair(np.array(prompt, np.int64), np.array(response, np.int64), over > 0)


def conversation_pairs(
    tokenizer: Any, texts: Sequence[str], max_length: int, *, end: bool
) -> list[Pair]:
    """Tokenise rows as `sluice.data.payloads.conversations.conversation_text` writes them.

    Parameters
    ----------
    tokenizer, max_length, end
        See `tokenise`; training needs an end mark, measuring none.
    texts : sequence of str, length n

    Returns
    -------
    list of Pair, length n
    """
    messages = [read_conversation(text).mappings for text in texts]
    return [tokenise(tokenizer, each, max_length, end=end) for each in messages]


def _prompt(tokenizer: Any, messages: Sequence[Mapping[str, str]]) -> list[int]:
    """Return the tokens before the response; never none, so that its first token has a context."""
    if getattr(tokenizer, "chat_template", None):
        text = tokenizer.apply_chat_template(
            [dict(message) for message in messages], tokenize=False, add_generation_prompt=True
        )
        tokens = tokenizer.encode(text, add_special_tokens=False)
    else:
        text = "".join(f"{message['content']}\n\n" for message in messages)
        tokens = tokenizer.encode(text)
    if tokens:
        return list(tokens)
    return [next(i for i in (tokenizer.bos_token_id, tokenizer.eos_token_id, 0) if i is not None)]
