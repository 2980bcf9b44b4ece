"""Masking for masked-language-model training: some tokens are hidden, and those alone predicted.

Devlin et al. 2019 (arXiv:1810.04805), section 3.1: 15 % of the tokens; of those 80 % become the
mask, 10 % a random token, 10 % stay. Ours: the draw is keyed by (seed, block, epoch), so that a
block is masked alike whatever else is trained on; and the number of masked tokens of a block is
the share of it, rounded up or down at random, where others draw each token by itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError, DataError
from sluice.core.randomness import keyed_bits, uniform_of
from sluice.tokens.alignment import IGNORED

_MASKED, _RANDOM = 0.8, 0.9
"""Below the first a chosen token becomes the mask, below the second a random token."""


def mask_tokens(
    ids: NDArray[np.integer],
    names: NDArray[np.str_],
    *,
    mask_id: int,
    special_ids: NDArray[np.integer],
    vocab_size: int,
    seed: int,
    epoch: int,
    share: float = 0.15,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Hide a share of the tokens of each block.

    Parameters
    ----------
    ids : ndarray of int, shape (b, t)
        Token ids, padded with a special token.
    names : ndarray of str, shape (b,)
        Name of each block, the key of its draw.
    mask_id : int
    special_ids : ndarray of int
        Tokens that are never hidden and never drawn; the mask and the padding among them.
    vocab_size : int
        Random tokens are drawn from 0 to this, specials left out.
    seed, epoch : int
        The rest of the key.
    share : float
        Of the tokens that are not special.

    Returns
    -------
    inputs : ndarray of int64, shape (b, t)
    labels : ndarray of int64, shape (b, t)
        The token that was there where one was chosen, else -100.

    Raises
    ------
    DataError
        Shapes do not fit, or an id is outside the vocabulary.
    ConfigError
        `share` is not between 0 and 1, `mask_id` is not special, or all tokens are special.

    Notes
    -----
    Cost O(b t log t); 3 t + 1 draws a block.
    """
    tokens = np.asarray(ids, dtype=np.int64)
    special = np.unique(np.asarray(special_ids, dtype=np.int64))
    _check(tokens, names, mask_id, special, vocab_size, share)
    if not tokens.size:
        return tokens.copy(), np.full_like(tokens, IGNORED)
    width = tokens.shape[1]
    keys = np.array([f"{epoch}:{name}" for name in names.tolist()], dtype=np.str_)
    bits = keyed_bits(seed, keys)
    draws = np.stack([uniform_of(bits, step) for step in range(3 * width + 1)], axis=1)
    chosen = _chosen(~np.isin(tokens, special), draws[:, :width], draws[:, -1], share)
    become, which = draws[:, width : 2 * width], draws[:, 2 * width : 3 * width]
    ordinary = np.setdiff1d(np.arange(vocab_size), special)
    inputs = tokens.copy()
    inputs[chosen & (become < _MASKED)] = mask_id
    other = chosen & (become >= _MASKED) & (become < _RANDOM)
    inputs[other] = ordinary[(which[other] * len(ordinary)).astype(np.int64)]
    return inputs, np.where(chosen, tokens, IGNORED)


def _chosen(
    ordinary: NDArray[np.bool_],
    draws: NDArray[np.float64],
    rounding: NDArray[np.float64],
    share: float,
) -> NDArray[np.bool_]:
    """Choose the ordinary tokens with the least draws, as many as the share is, rounded."""
    wanted = share * ordinary.sum(axis=1)
    count = np.floor(wanted) + (rounding < wanted - np.floor(wanted))
    order = np.argsort(np.where(ordinary, draws, 2.0), axis=1, kind="stable")
    chosen = np.zeros(ordinary.shape, dtype=bool)
    np.put_along_axis(chosen, order, np.arange(ordinary.shape[1]) < count[:, None], axis=1)
    return chosen


def _check(
    tokens: NDArray[np.int64],
    names: NDArray[np.str_],
    mask_id: int,
    special: NDArray[np.int64],
    vocab_size: int,
    share: float,
) -> None:
    if tokens.ndim != 2 or names.shape != tokens.shape[:1]:
        raise DataError(
            f"Blocks have shape {tokens.shape} and names {names.shape}; give b x t tokens and a "
            "name each."
        )
    if tokens.size and not 0 <= tokens.min() <= tokens.max() < vocab_size:
        raise DataError(f"Token ids are {tokens.min()} to {tokens.max()}, not 0 to {vocab_size}.")
    if not 0 < share < 1:
        raise ConfigError(f"share is {share!r}; give a number between 0 and 1, such as 0.15.")
    if mask_id not in special:
        raise ConfigError(f"The mask {mask_id} is not among the special tokens; add it to them.")
    if np.isin(np.arange(vocab_size), special).all():
        raise ConfigError("Every token is special; there is nothing to predict.")
