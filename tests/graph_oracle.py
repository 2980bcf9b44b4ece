"""Neighbour lists by comparing every pair, in the plainest way."""

import numpy as np


def unit(x):
    x = np.asarray(x, dtype=np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def brute_force(ids, x, width):
    """Every pair in float64, summed by halves, ranked by (cosine falling, id rising)."""
    products = x[:, None].astype(np.float64) * x[None].astype(np.float64)
    while products.shape[2] > 1:
        half = products.shape[2] // 2
        rest = products[..., 2 * half :]
        products = np.concatenate([products[..., :half] + products[..., half : 2 * half], rest], 2)
    cosines = products[..., 0]
    lists = np.full((len(x), width), -1)
    weights = np.full((len(x), width), -np.inf)
    for i in range(len(x)):
        others = [j for j in range(len(x)) if j != i]
        best = sorted(others, key=lambda j: (-cosines[i, j], ids[j]))[:width]
        lists[i, : len(best)] = best
        weights[i, : len(best)] = cosines[i, best]
    return lists, weights
