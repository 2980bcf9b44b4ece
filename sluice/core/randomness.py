"""Randomness keyed by (seed, id): a row's draw does not depend on which other rows exist."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

_ODD = 0x9E3779B97F4A7C15  # 2^64 / golden ratio: the step of splitmix64


def keyed_bits(seed: int, ids: NDArray[np.str_]) -> NDArray[np.uint64]:
    """Hash each (seed, id) to 64 bits: BLAKE2b of ``f"{seed}:{id}"`` in UTF-8.

    Parameters
    ----------
    seed : int
    ids : ndarray of str, shape (n,)

    Returns
    -------
    ndarray of uint64, shape (n,)
    """
    start = blake2b(f"{int(seed)}:".encode(), digest_size=8)
    digests = bytearray()
    for name in ids.tolist():
        keyed = start.copy()
        # ids come from raw data, where lone surrogates do occur
        keyed.update(name.encode("utf-8", "surrogatepass"))
        digests += keyed.digest()
    return np.frombuffer(bytes(digests), dtype="<u8").astype(np.uint64)


def uniform_of(bits: NDArray[np.uint64], step: int = 0) -> NDArray[np.float64]:
    """Uniform numbers in (0, 1) from keyed bits, another set for each step.

    The bits advance by `step` odd constants and are mixed as in splitmix64 (Steele, Lea and
    Flood, OOPSLA 2014), so one hash a row gives as many draws as a method needs.

    Parameters
    ----------
    bits : ndarray of uint64, shape (n,)
        From `keyed_bits`.
    step : int
        Which draw.

    Returns
    -------
    ndarray of float64, shape (n,)
        Odd multiples of 2^-53: never 0, never 1.
    """
    z = bits + np.uint64((step * _ODD) % 2**64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return ((z >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def keyed_uniform(seed: int, ids: NDArray[np.str_]) -> NDArray[np.float64]:
    """Uniform number in (0, 1) of each (seed, id).

    Parameters
    ----------
    seed : int
    ids : ndarray of str, shape (n,)

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    return uniform_of(keyed_bits(seed, ids))


def keyed_sample(seed: int, ids: NDArray[np.str_], count: int) -> NDArray[np.int64]:
    """Positions of the rows of the least draws: others coming or going move few of them.

    Parameters
    ----------
    seed : int
    ids : ndarray of str, shape (n,)
    count : int
        Rows that are drawn; all where there are fewer.

    Returns
    -------
    ndarray of int64, shape (min(count, n),)
        Ascending.
    """
    return np.sort(np.argsort(keyed_uniform(seed, ids), kind="stable")[:count])
