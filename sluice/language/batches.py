"""Batches of a token budget that shrink where the GPU's memory does not hold them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError
from sluice.encoders.batches import longest_first, token_batches

T = TypeVar("T")


@dataclass
class TokenBudget:
    """How many tokens a batch may hold, padding included; lowered where memory runs out.

    Attributes
    ----------
    tokens : int

    Raises
    ------
    ConfigError
        It is not positive.
    """

    tokens: int

    def __post_init__(self) -> None:
        """Refuse what is not positive."""
        if self.tokens < 1:
            raise ConfigError(f"max_tokens must be at least 1, got {self.tokens}.")


def in_batches(
    lengths: NDArray[np.int64], budget: TokenBudget, run: Callable[[NDArray[np.int64]], T]
) -> Iterator[tuple[NDArray[np.int64], T]]:
    """Run a function over batches of sequences of about equal length.

    Parameters
    ----------
    lengths : ndarray of int64, shape (n,)
        Tokens of each sequence.
    budget : TokenBudget
        A batch's rows times its longest stay within it, unless one sequence alone exceeds it.
    run : callable
        Takes the positions of a batch, shape (b,), longest first. It must be fit to be called
        again after it failed.

    Yields
    ------
    positions : ndarray of int64, shape (b,)
        Over all batches each of 0 to n - 1 comes once.
    result
        What `run` returned.

    Raises
    ------
    ConfigError
        A single sequence does not fit into the GPU's memory.

    Notes
    -----
    Where `run` raises `torch.OutOfMemoryError` the batch is halved and run again. The smaller
    budget stays in `budget`, so that not each batch after it fails first.
    """
    import torch

    order = longest_first(lengths)
    ordered, done = lengths[order], 0
    while done < len(order):
        part = next(token_batches(ordered[done:], budget.tokens))
        positions = order[done : done + part.stop]
        try:
            result = run(positions)
        except torch.OutOfMemoryError:
            fits = False
        else:
            fits = True
            yield positions, result
            done += part.stop
        # Outside of the handler: its traceback would keep the batch's tensors alive.
        if not fits:
            budget.tokens = halved(len(positions), int(ordered[done]))
            torch.cuda.empty_cache()


def halved(rows: int, longest: int) -> int:
    """Return the token budget of half as many rows as did not fit.

    Parameters
    ----------
    rows : int
        Of the batch that did not fit.
    longest : int
        Tokens of its longest row.

    Raises
    ------
    ConfigError
        It was a single row.
    """
    if rows == 1:
        raise ConfigError(
            f"A single row of {longest} tokens does not fit into the GPU's memory. Lower "
            "language_model.max_length, or run on the device 'cpu'."
        )
    return max(rows // 2 * longest, 1)
