"""Mini-batches: hashed, dealt so that classes are exactly spread, or drawn under a budget."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.core.randomness import keyed_bits, uniform_of
from sluice.graphs.instance_graphs.parts import Part, grouped


def batch_count(n: int, batch_size: int) -> int:
    """Least power of two M with ``n / M <= batch_size``.

    So the mean batch holds more than half of `batch_size`, and M changes only where n crosses
    `batch_size` times a power of two: once while n doubles.
    """
    return 1 << max(0, -(-n // batch_size) - 1).bit_length()


def hashed_batches(ids: NDArray[np.str_], seed: int, batch_size: int) -> list[Part]:
    """Deal each row to the batch that its hash names, modulo `batch_count`.

    A batch of mean size b holds b rows give or take about ``2 sqrt(b)``, and of each class its
    share, stratified in expectation only. When M doubles, each batch falls into two.

    Parameters
    ----------
    ids : ndarray of str, shape (n,)
    seed : int
    batch_size : int
    """
    count = batch_count(len(ids), batch_size)
    batches = keyed_bits(seed, ids) & np.uint64(count - 1)
    return grouped(batches.astype(np.int64), lambda batch: f"{batch}/{count}")


def dealt_batches(
    ids: NDArray[np.str_], labels: NDArray[np.int64], seed: int, batch_size: int
) -> list[Part]:
    """Deal the rows, class after class and each class in hashed order, round the batches.

    With ``M = ceil(n / batch_size)`` batches of mean size ``b = n / M``, a batch holds b rows
    and of each class ``b n_c / n`` rows, both rounded up or down.

    Parameters
    ----------
    ids : ndarray of str, shape (n,)
    labels : ndarray of int64, shape (n,)
    seed : int
    batch_size : int
    """
    n = len(ids)
    count = -(-n // batch_size)
    batches = np.empty(n, dtype=np.int64)
    batches[np.lexsort((keyed_bits(seed, ids), labels))] = np.arange(n) % count
    return grouped(batches, lambda batch: f"{batch}/{count}")


def drawn_batches(
    ids: NDArray[np.str_], labels: NDArray[np.int64], seed: int, batch_size: int, count: int
) -> list[Part]:
    """Draw `count` batches, each by itself and without repeats, classes by `largest_remainder`.

    A class whose share rounds to nothing still gets one row in each batch, beyond `batch_size`.
    A row may be in several batches, or in none.

    Parameters
    ----------
    ids : ndarray of str, shape (n,)
    labels : ndarray of int64, shape (n,)
    seed : int
    batch_size : int
    count : int
    """
    sizes = np.bincount(labels)
    quotas = np.maximum(largest_remainder(sizes, min(batch_size, len(ids))), sizes > 0)
    begin = np.cumsum(sizes) - sizes
    bits = keyed_bits(seed, ids)
    parts: list[Part] = []
    for batch in range(count):
        order = np.lexsort((uniform_of(bits, batch + 1), labels))
        nth = np.arange(len(ids)) - begin[labels[order]]
        parts.append(Part(f"{batch}/{count}", np.sort(order[nth < quotas[labels[order]]])))
    return parts


def largest_remainder(sizes: NDArray[np.int64], total: int) -> NDArray[np.int64]:
    """Round the shares ``total * sizes / sizes.sum()`` to integers that add up to `total`.

    Each share is rounded down; the places left go to the largest remainders, ties to the lower
    index (Hamilton's method). So each is off by less than 1.

    Parameters
    ----------
    sizes : ndarray of int64, shape (C,)
        Not all 0.
    total : int
    """
    whole, remainder = np.divmod(total * sizes, sizes.sum())
    whole[np.argsort(-remainder, kind="stable")[: total - int(whole.sum())]] += 1
    return whole
