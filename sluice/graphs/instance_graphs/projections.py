"""Random-projection codes: each bit says on which side of a random plane a row lies.

``c = 1[R x > 0]`` with R of independent N(0, 1). Two rows at the angle t agree on a bit with
probability ``1 - t / pi`` (Goemans and Williamson, J. ACM 1995; as a hash: Charikar, STOC 2002).
The code of ``s x`` is that of x for every s > 0; a row of zeros has the code 0.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError
from sluice.graphs.canonical import TILE, halving_sum

DOUBLES = 1 << 21
"""Doubles of the rows held at once (16 MiB)."""

MOST_BITS = 62
"""The longest code: a code is one int64."""


def directions(
    seed: int, d: int, bits: int, view: int = 0, feature_share: float = 1.0
) -> NDArray[np.float64]:
    """Draw R, a function of (seed, d, view) alone: fewer bits give the first rows of it.

    Parameters
    ----------
    seed : int
    d : int
        Length of a row.
    bits : int
    view : int
        Which of several independent draws.
    feature_share : float
        Share of the features that the view sees, in (0, 1]; the other columns are 0.

    Returns
    -------
    ndarray of float64, shape (bits, d)
    """
    drawn = _generator("directions", seed, d, view).standard_normal((bits, d))
    seen = int(np.ceil(feature_share * d))
    if seen < d:
        drawn[:, _generator("features", seed, d, view).permutation(d)[seen:]] = 0.0
    return drawn


def _generator(purpose: str, seed: int, d: int, view: int) -> np.random.Generator:
    key = blake2b(f"{purpose}:{int(seed)}:{d}:{view}".encode(), digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(key, "little"))


def sign_bits(rows: NDArray[np.float32], planes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say on which side of each plane each row lies.

    A float64 product proposes. Where it is within its rounding error of 0, the sign is taken
    from the canonical sum, so a row has the same bits in any batch.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, d)
    planes : ndarray of float64, shape (b, d)

    Returns
    -------
    ndarray of bool, shape (n, b)

    Notes
    -----
    Cost n b d. Memory: `DOUBLES` doubles and the result.
    """
    n, d = rows.shape
    found = np.empty((n, len(planes)), dtype=np.bool_)
    lengths = np.sqrt(np.einsum("ij,ij->i", planes, planes))
    step = max(1, DOUBLES // max(1, d))
    for start in range(0, n, step):
        block = rows[start : start + step].astype(np.float64)
        products = block @ planes.T
        sides = products > 0
        # twice the standard bound d 2^-53 |x||r|, so that a sign beyond it is sure; strict,
        # so that rows of zeros, whose products are exact, are not done again
        norms = np.sqrt(np.einsum("ij,ij->i", block, block))
        row, plane = np.nonzero(np.abs(products) < d * 2.0**-52 * norms[:, None] * lengths)
        sides[row, plane] = _canonical_sides(block, planes, row, plane)
        found[start : start + step] = sides
    return found


def _canonical_sides(
    block: NDArray[np.float64],
    planes: NDArray[np.float64],
    row: NDArray[np.int64],
    plane: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Sides of pairs (row, plane) by the canonical sum, in cached blocks."""
    out = np.empty(len(row), dtype=np.bool_)
    step = max(1, TILE // block.shape[1])
    for start in range(0, len(row), step):
        part = slice(start, start + step)
        out[part] = halving_sum(block[row[part]] * planes[plane[part]]) > 0
    return out


def packed(bits: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Make one number of each row of bits, the first bit being the highest.

    So the first l of b bits are the code shifted right by ``b - l``.

    Parameters
    ----------
    bits : ndarray of bool, shape (n, b)
        ``b <= MOST_BITS``.

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    codes = np.zeros(len(bits), dtype=np.int64)
    for column in bits.T:
        codes = 2 * codes + column
    return codes


def codes_of(
    rows: NDArray[np.float32], seed: int, bits: int, view: int = 0, feature_share: float = 1.0
) -> NDArray[np.int64]:
    """Code of each row; see `directions`, `sign_bits` and `packed`.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, d)
    seed, bits, view, feature_share
        As for `directions`.

    Returns
    -------
    ndarray of int64, shape (n,)
        A function of the row, the seed and the options alone.
    """
    planes = directions(seed, rows.shape[1], bits, view, feature_share)
    return packed(sign_bits(rows, planes))


def check_bits(bits: int, what: str) -> None:
    """Raise ConfigError unless `bits` is a number of bits that a code can have."""
    if not 1 <= bits <= MOST_BITS:
        raise ConfigError(f"{what} is {bits}; use 1 to {MOST_BITS} bits.")


def check_cap(cap: int) -> None:
    """Raise ConfigError unless a bucket may keep at least two rows."""
    if cap < 2:
        raise ConfigError(f"cap is {cap}; a bucket needs room for at least 2 rows.")
