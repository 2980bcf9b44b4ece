"""Token losses of rows and of their noisy neighbours, shard by shard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sluice.core.errors import ConfigError, DataError
from sluice.core.progress import Advance
from sluice.encoders.batches import longest_first
from sluice.language.batches import TokenBudget
from sluice.language.checkpoint import Loaded
from sluice.language.losses import after_prompt, alone, budget_of, read, start_tokens
from sluice.language.noise import Noise, noise_keys, noise_scale
from sluice.language.pairs import Pair
from sluice.language.reader import Reader, reader_of
from sluice.language.response_loss import check_pairs

METHOD_VERSION = "token-losses-1"
"""Part of the digest of whoever keeps the losses, beside model, tokens, seed, alpha and id."""


@dataclass(frozen=True)
class TokenLosses:
    """Losses of the response tokens of some rows and copies.

    Attributes
    ----------
    positions : ndarray of int64, shape (j,)
        Which row each is of.
    copies : ndarray of int64, shape (j,)
        0 is the row itself, 1 and above its noisy neighbours.
    conditional : list of ndarray of float32, length j
        Given the prompt; shape (r,) for a response of r tokens.
    unconditional : list of ndarray of float32, length j
        Without the prompt; shape (r,), or (r - 1,) where the tokenizer has no start token: the
        first token is then the one without a loss.
    """

    positions: NDArray[np.int64]
    copies: NDArray[np.int64]
    conditional: list[NDArray[np.float32]]
    unconditional: list[NDArray[np.float32]]

    def __len__(self) -> int:
        """Return the number of rows times copies."""
        return len(self.positions)


def token_losses(
    model: Loaded,
    ids: Sequence[str],
    pairs: Sequence[Pair],
    *,
    copies: int = 3,
    seed: int = 0,
    alpha: float = 5.0,
    jobs: ArrayLike | None = None,
    shard_rows: int = 64,
    max_tokens: int | None = None,
    advance: Advance | None = None,
) -> Iterator[TokenLosses]:
    """Score rows and their noisy neighbours, as T-SHIRT does (arXiv:2506.01317, section 3.2).

    Copy m of a row has noise on the embeddings of its L tokens, uniform on (-1, 1) times
    ``alpha / sqrt(L * C)``; the response keeps its part of it when it is read alone. The noise
    hangs on (seed, id, copy) alone, so batch, shard and order change nothing but last bits
    (about 1e-6 in float32).

    Parameters
    ----------
    model : Loaded
    ids : sequence of str, length n
    pairs : sequence of Pair, length n
    copies : int
        M, noisy neighbours of a row; 0 for the row alone. The paper takes 30.
    seed : int
    alpha : float
    jobs : array-like of int, shape (j, 2), optional
        Which (position, copy) are asked for; default every row with copies 0 to M. Then `copies`
        is not used.
    shard_rows : int
        Rows of a shard, each with all its copies that were asked for.
    max_tokens : int, optional
        Tokens of a batch, padding included; default by device (1,024 on a CPU, 32,768 on CUDA).
    advance : callable, optional
        Called with the number of jobs done: once for each shard.

    Yields
    ------
    TokenLosses
        Rows longest first, within a row by copy; over all shards each job once.

    Raises
    ------
    DataError
        Ids and pairs are not of one number, a job is of no row, or comes twice; and see
        `sluice.language.losses.conditional`.
    ConfigError
        A number is out of range; see `sluice.language.reader.reader_of`.

    Notes
    -----
    Cost: for each job two forward passes, over prompt and response and over the response, and
    the output layer at response positions. Memory: a batch, and the losses of a shard.
    """
    if copies < 0 or shard_rows < 1:
        raise ConfigError(
            "Scoring needs copies of at least 0 and shard_rows of at least 1, got "
            f"{copies} and {shard_rows}."
        )
    noise_scale(alpha, 1, 1)
    if max_tokens is not None:
        TokenBudget(max_tokens)
    if len(ids) != len(pairs):
        raise DataError(f"There are {len(ids)} ids for {len(pairs)} pairs; give one a pair.")
    check_pairs(pairs)
    shards = _shards(_jobs(jobs, len(pairs), copies), pairs, shard_rows)
    return _scored(model, ids, pairs, shards, seed, alpha, max_tokens, advance)


def _scored(
    model: Loaded,
    ids: Sequence[str],
    pairs: Sequence[Pair],
    shards: list[NDArray[np.int64]],
    seed: int,
    alpha: float,
    max_tokens: int | None,
    advance: Advance | None,
) -> Iterator[TokenLosses]:
    if not shards:
        return
    start = start_tokens(model.tokenizer)
    with reader_of(model.model) as reader:
        budget = budget_of(reader, max_tokens)
        for shard in shards:
            rows = shard[:, 0].tolist()
            noises = _noises(reader, shard, ids, pairs, seed, alpha)
            both = list(zip((pairs[row] for row in rows), noises, strict=True))
            passages = [after_prompt(pair, noise) for pair, noise in both]
            passages += [alone(pair, start, noise) for pair, noise in both]
            losses = read(reader, passages, budget)
            if advance is not None:
                advance(len(shard))
            yield TokenLosses(
                shard[:, 0].copy(), shard[:, 1].copy(), losses[: len(rows)], losses[len(rows) :]
            )


def _noises(
    reader: Reader,
    shard: NDArray[np.int64],
    ids: Sequence[str],
    pairs: Sequence[Pair],
    seed: int,
    alpha: float,
) -> list[Noise | None]:
    names = [ids[int(row)] for row in shard[:, 0].tolist()]
    keys = noise_keys(seed, names, shard[:, 1])
    return [
        Noise(key, noise_scale(alpha, len(pairs[row]), reader.width)) if copy else None
        for key, (row, copy) in zip(keys.tolist(), shard.tolist(), strict=True)
    ]


def _jobs(jobs: ArrayLike | None, rows: int, copies: int) -> NDArray[np.int64]:
    """Return the jobs, checked, sorted by position and copy, shape (j, 2)."""
    if jobs is None:
        every = np.indices((rows, copies + 1), dtype=np.int64)
        return every.reshape(2, -1).T
    given = np.asarray(jobs)
    if not given.size:
        return np.empty((0, 2), dtype=np.int64)
    if given.ndim != 2 or given.shape[1] != 2 or given.dtype.kind not in "iu":
        raise DataError(
            f"Jobs must be integers of shape (j, 2), position and copy; got {given.dtype} of "
            f"shape {given.shape}."
        )
    given = given.astype(np.int64)
    if given.min() < 0 or given[:, 0].max() >= rows:
        raise DataError(
            f"A job is of no row or copy: positions go from 0 to {rows - 1}, copies from 0."
        )
    unique = np.unique(given, axis=0)
    if len(unique) < len(given):
        raise DataError("A job comes twice; ask for each position and copy once.")
    return unique


def _shards(
    jobs: NDArray[np.int64], pairs: Sequence[Pair], shard_rows: int
) -> list[NDArray[np.int64]]:
    """Cut the jobs by rows, longest rows first, so that memory runs out at once or never."""
    rows, counts = np.unique(jobs[:, 0], return_counts=True)
    ends = np.cumsum(counts)
    order = longest_first(np.array([len(pairs[row]) for row in rows.tolist()], dtype=np.int64))
    shards: list[NDArray[np.int64]] = []
    for begin in range(0, len(order), shard_rows):
        parts = [jobs[ends[r] - counts[r] : ends[r]] for r in order[begin : begin + shard_rows]]
        shards.append(np.concatenate(parts))
    return shards
