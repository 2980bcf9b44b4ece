"""Batches of about equal token count, cut from tokenised texts sorted by length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.data.values.one_column import texts_of


def tokenise(
    tokenizer: Any, texts: Sequence[str], max_length: int
) -> tuple[list[list[int]], NDArray[np.int64]]:
    """Token ids of each text, special tokens included, cut to `max_length` and not padded.

    Parameters
    ----------
    tokenizer : transformers tokenizer
    texts : sequence of str, length n
    max_length : int

    Returns
    -------
    tokens : list of list of int, length n
    lengths : ndarray of int64, shape (n,)

    Raises
    ------
    DataError
        It is no sequence of texts, see `sluice.data.values.one_column.texts_of`.
    """
    texts = texts_of(texts, "texts")
    if not texts:
        return [], np.empty(0, dtype=np.int64)
    tokens: list[list[int]] = tokenizer(
        texts,
        truncation=True,
        max_length=max_length,
        padding=False,
        return_attention_mask=False,
        return_token_type_ids=False,
    )["input_ids"]
    return tokens, np.fromiter((len(row) for row in tokens), dtype=np.int64, count=len(tokens))


def longest_first(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions by falling length; equal lengths keep their order.

    Parameters
    ----------
    lengths : ndarray of int64, shape (n,)

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    return np.argsort(-lengths, kind="stable").astype(np.int64)


def token_batches(sorted_lengths: NDArray[np.int64], token_budget: int) -> Iterator[slice]:
    """Cut texts sorted by falling length into padded batches of a token budget.

    Parameters
    ----------
    sorted_lengths : ndarray of int64, shape (n,)
        Falling.
    token_budget : int
        A batch's rows times its longest text stay within this, unless one text alone exceeds it.

    Yields
    ------
    slice
        Consecutive, not empty, covering 0 to n.
    """
    start = 0
    while start < len(sorted_lengths):
        longest = max(int(sorted_lengths[start]), 1)
        stop = min(start + max(token_budget // longest, 1), len(sorted_lengths))
        yield slice(start, stop)
        start = stop


def padded(tokens: list[list[int]], pad: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pad token lists on the right to the longest of them.

    Parameters
    ----------
    tokens : list of list of int, length b
    pad : int
        Token id that fills the gaps.

    Returns
    -------
    ids : ndarray of int64, shape (b, longest)
    lengths : ndarray of int64, shape (b,)
    """
    lengths = np.fromiter((len(row) for row in tokens), dtype=np.int64, count=len(tokens))
    ids = np.full((len(tokens), int(lengths.max(initial=0))), pad, dtype=np.int64)
    for row, values in enumerate(tokens):
        ids[row, : len(values)] = values
    return ids, lengths
