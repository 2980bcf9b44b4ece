"""Noisy neighbours: the same row with its token embeddings moved a little.

T-SHIRT (arXiv:2506.01317), after NEFTune (arXiv:2310.05914): uniform noise on (-1, 1), times
``alpha / sqrt(L * C)`` for L tokens of width C. Ours is where the numbers come from: number j of a
row is a hash of its key and of j, so batch, shard, order, padding and device change nothing, and
the numbers of the response alone are a slice that needs no others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError
from sluice.core.randomness import keyed_bits

if TYPE_CHECKING:
    from torch import Tensor

# The constants of splitmix64 (Steele, Lea and Flood, OOPSLA 2014), as signed 64-bit integers,
# because torch has no unsigned arithmetic; products wrap alike.
_ODD = 0x9E3779B97F4A7C15 - 2**64
_FIRST = 0xBF58476D1CE4E5B9 - 2**64
_SECOND = 0x94D049BB133111EB - 2**64


@dataclass(frozen=True)
class Noise:
    """The noise of one copy of one row.

    Attributes
    ----------
    key : int
        64 bits, unsigned, from `noise_keys`.
    scale : float
        Its numbers lie between minus and plus this. 0 leaves the row as it is.
    offset : int
        Which token of the row, prompt and response, the first one read is.
    bare : int
        How many tokens at the start are no part of the row (a start token) and get no noise;
        the token after them is number ``offset + bare`` of the row.
    """

    key: int
    scale: float
    offset: int = 0
    bare: int = 0


def noise_keys(seed: int, ids: Sequence[str], copies: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Key of each (seed, instance, copy).

    Parameters
    ----------
    seed : int
    ids : sequence of str, length n
    copies : ndarray of int64, shape (n,)

    Returns
    -------
    ndarray of uint64, shape (n,)
    """
    # The copy comes first: it has no colon, so no two pairs give the same name.
    names = [f"{copy}:{name}" for copy, name in zip(copies.tolist(), ids, strict=True)]
    return keyed_bits(seed, np.array(names, dtype=np.str_))


def noise_scale(alpha: float, tokens: int, width: int) -> float:
    """``alpha / sqrt(L * C)``.

    Parameters
    ----------
    alpha : float
        At least 0; the paper takes 5.
    tokens : int
        L, tokens of prompt and response.
    width : int
        C, length of a token's embedding.

    Raises
    ------
    ConfigError
        `alpha` is negative or not finite.
    """
    if not np.isfinite(alpha) or alpha < 0:
        raise ConfigError(f"The noise's size alpha must be a number of 0 or more, got {alpha}.")
    return float(alpha / np.sqrt(float(tokens) * width))


def noise_of(noises: Sequence[Noise | None], length: int, width: int, device: Any) -> Tensor:
    """Noise of a batch.

    Parameters
    ----------
    noises : sequence of Noise or None, length b
        None is a row without noise.
    length : int
        Tokens of each, padding included.
    width : int
        C, length of a token's embedding.
    device : torch.device

    Returns
    -------
    Tensor of float32, shape (b, length, width)
        Odd multiples of 2^-24 of the scale, so never 0 where there is noise, and symmetric.

    Notes
    -----
    Cost: ten operations on integers a number, and two temporaries of 8 bytes a number.
    """
    import torch

    given = [noise or Noise(0, 0.0) for noise in noises]
    keys = torch.from_numpy(np.array([n.key for n in given], np.uint64).view(np.int64)).to(device)
    scales = torch.tensor([n.scale for n in given], dtype=torch.float32, device=device)
    offsets = torch.tensor([n.offset for n in given], dtype=torch.int64, device=device)
    bare = torch.tensor([n.bare for n in given], dtype=torch.int64, device=device)
    tokens = torch.arange(length, device=device)
    scale = torch.where(tokens >= bare[:, None], scales[:, None], 0.0)
    number = ((offsets[:, None] + tokens) * width)[..., None] + torch.arange(width, device=device)
    bits = _mixed(number.mul_(_ODD).add_(keys[:, None, None]))
    # 24 bits are exact in float32, and so is each step to (-1, 1).
    unit = (bits >> 40).bitwise_and_(2**24 - 1).float().mul_(2.0**-23).add_(2.0**-24 - 1.0)
    return unit.mul_(scale[..., None])


def _mixed(z: Tensor) -> Tensor:
    """Splitmix64's mixing, in place, but for its last step, which the upper 24 bits do not see."""
    # torch shifts the sign in, which the masks take away again.
    z.bitwise_xor_((z >> 30).bitwise_and_(2**34 - 1)).mul_(_FIRST)
    return z.bitwise_xor_((z >> 27).bitwise_and_(2**37 - 1)).mul_(_SECOND)
