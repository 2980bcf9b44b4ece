"""How far a row's vector is from another class: in closed form, or step by step (DeepFool).

Moosavi-Dezfooli, Fawzi and Frossard, DeepFool (arXiv 1511.04599), algorithm 2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.heads.network import Matrix, Network

STEPS = 50
OVERSHOOT = 0.02
ROWS = 4096
"""Rows that are moved at once. No parameter of the result."""


def separations(logits: Matrix, weights: Matrix) -> Matrix:
    """Distance of each row to the boundary between its class and each other one.

    ``(z_y - z_k) / |w_y - w_k|``, y the most probable class; infinite for y itself, and for
    classes whose weights equal its own.

    Parameters
    ----------
    logits : ndarray of float64, shape (n, C)
        Of a linear classifier.
    weights : ndarray of float64, shape (C, d)

    Returns
    -------
    ndarray of float64, shape (n, C)
    """
    best = logits.argmax(axis=1)
    apart = np.linalg.norm(weights[:, None] - weights[None], axis=2)[best]
    gaps = np.take_along_axis(logits, best[:, None], axis=1) - logits
    gaps[np.arange(len(gaps)), best] = np.inf
    return np.divide(gaps, apart, out=np.full_like(gaps, np.inf), where=apart > 0)


def deep_fool(network: Network, x: NDArray[np.floating]) -> Matrix:
    """Length of the perturbation that DeepFool finds for each row.

    Each step goes to the nearest boundary of the network's linear approximation, until the
    class changes or after `STEPS` steps; the overshoot is not counted in the length.

    Parameters
    ----------
    network : Network
    x : ndarray of float, shape (n, d)

    Returns
    -------
    ndarray of float64, shape (n,)
        The greatest float for a row whose class does not change.

    Notes
    -----
    Cost n C d width a step.
    """
    lengths = np.empty(len(x))
    for start in range(0, len(x), ROWS):
        part = slice(start, start + ROWS)
        lengths[part] = _deep_fool(network, np.asarray(x[part], dtype=np.float64))
    return lengths


def _deep_fool(network: Network, x: Matrix) -> Matrix:
    best = network.logits(x).argmax(axis=1)
    moved = np.zeros_like(x)
    active = np.arange(len(x))
    for _ in range(STEPS):
        at = x[active] + (1 + OVERSHOOT) * moved[active]
        logits = network.logits(at)
        still = logits.argmax(axis=1) == best[active]
        active, at, logits = active[still], at[still], logits[still]
        if not len(active):
            break
        moved[active] += _step(network, at, logits, best[active])
    # the last step may have changed it
    at = x[active] + (1 + OVERSHOOT) * moved[active]
    active = active[network.logits(at).argmax(axis=1) == best[active]]
    lengths = np.linalg.norm(moved, axis=1)
    lengths[active] = np.finfo(np.float64).max
    return lengths


def _step(network: Network, at: Matrix, logits: Matrix, best: NDArray[np.int64]) -> Matrix:
    """Shortest way to a boundary of the linear approximation at some rows."""
    on = network.hidden(at) > 0
    rows = np.arange(len(at))
    nearest, shortest = np.zeros_like(at), np.full(len(at), np.inf)
    for label in range(logits.shape[1]):
        slope = ((network.last[label] - network.last[best]) * on) @ network.first
        steep = np.einsum("ij,ij->i", slope, slope)
        gap = logits[rows, best] - logits[:, label]
        usable = (best != label) & (steep > 0)
        far = np.divide(gap, np.sqrt(steep), out=np.full(len(at), np.inf), where=usable)
        closer = far < shortest
        # a hair further than the boundary, where the two logits are equal
        scale = np.divide(gap + 1e-9, steep, out=np.zeros(len(at)), where=usable)
        nearest[closer] = (scale[:, None] * slope)[closer]
        shortest[closer] = far[closer]
    return nearest
