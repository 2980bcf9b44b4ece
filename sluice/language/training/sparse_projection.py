"""A random projection with one nonzero a column: the inner products of a dense one, nearly free.

Each coordinate is added, with a random sign, to one of d places (count sketch: Charikar, Chen and
Farach-Colton, ICALP 2002; as a Johnson-Lindenstrauss map: Weinberger et al. 2009,
arXiv:0902.2206). It is linear, keeps inner products without bias, and for any x, y

    Var <Px, Py> <= (|x|^2 |y|^2 + <x, y>^2) / d,

the variance bound of the dense Rademacher matrix of LESS and TRAK; only the far tail of a vector
with very few large coordinates is heavier. It costs one addition a coordinate in place of d.

Ours: places and signs are drawn per block (a weight matrix) from (seed, name), so the projection
of a gradient is the sum of its blocks' projections in any order, and a block's places are a
permutation cut into rounds of d, so fewer coordinates of one block meet than with free places.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from sluice.core.errors import ConfigError

if TYPE_CHECKING:
    import torch


class SparseProjection:
    """The projection of vectors made of named blocks.

    Parameters
    ----------
    dimension : int
        Length d of a projected vector.
    seed : int

    Raises
    ------
    ConfigError
        `dimension` is below 1.

    Notes
    -----
    Memory: 8 bytes a coordinate of the blocks seen, whatever d is.
    """

    def __init__(self, dimension: int, seed: int = 0) -> None:
        if dimension < 1:
            raise ConfigError(f"A projection needs at least 1 dimension, got {dimension}.")
        self.dimension = dimension
        self.seed = seed
        self._blocks: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}

    def add(self, name: str, block: torch.Tensor, to: torch.Tensor) -> None:
        """Add the projection of one block of some vectors to their projections.

        Parameters
        ----------
        name : str
            Of the block; always with vectors of the same length.
        block : Tensor, shape (b, k) or (b, ...) with k values a row
        to : Tensor, shape (b, d)
            Changed in place; of the block's dtype.
        """
        flat = block.flatten(1)
        places, signs = self._block(name, flat)
        to.index_add_(1, places, flat * signs)

    def _block(self, name: str, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        import torch

        size = like.shape[1]
        if name not in self._blocks:
            places, signs = placement(self.seed, name, size, self.dimension)
            self._blocks[name] = (
                torch.from_numpy(places).to(like.device),
                torch.from_numpy(signs).to(like.device),
            )
        if len(self._blocks[name][0]) != size:
            raise ConfigError(
                f"Block {name!r} had {len(self._blocks[name][0])} values and now has {size}. "
                "Use one projection for one model."
            )
        return self._blocks[name]


def placement(seed: int, name: str, size: int, dimension: int) -> tuple[np.ndarray, np.ndarray]:
    """Place and sign of each coordinate of a block; a function of its arguments alone.

    Parameters
    ----------
    seed : int
    name : str
        Of the block.
    size : int
        Its coordinates.
    dimension : int

    Returns
    -------
    places : ndarray of int32, shape (size,)
        In [0, dimension); two coordinates share one with probability at most 1 / dimension.
    signs : ndarray of float32, shape (size,)
        1 or -1, independent.
    """
    digest = blake2b(f"{int(seed)}:{name}".encode(), digest_size=16).digest()
    rng = np.random.default_rng(int.from_bytes(digest, "little"))
    rounds = -(-size // dimension)
    places = rng.permutation(rounds * dimension)[:size] % dimension
    signs = rng.integers(0, 2, size).astype(np.float32) * 2 - 1
    return places.astype(np.int32), signs
