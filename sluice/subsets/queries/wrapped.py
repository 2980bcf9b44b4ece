"""What the strategies share that put another one to work on a part of the rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError
from sluice.subsets.contract import Picks, Pool
from sluice.subsets.queries.known import strategy


def pick_by(base: str, pool: Pool, budget: int, seed: int, wrapper: str) -> Picks:
    """Run another strategy, with its defaults, on the rows of a pool.

    Parameters
    ----------
    base : str
        Name of a strategy that is no wrapper.
    pool : Pool
        Sorted by id.
    budget : int
    seed : int
    wrapper : str
        Who asks, for the message.

    Raises
    ------
    UnknownNameError
        There is no such strategy.
    ConfigError
        It is a wrapper itself.
    """
    from sluice.subsets.runner import run

    chosen = strategy(base)
    if chosen.passes_on:
        raise ConfigError(f"{wrapper} cannot wrap {base}; name a strategy that is no wrapper.")
    kept = run(chosen, pool, budget, seed)
    return Picks(np.searchsorted(pool.ids, kept.ids), kept.gains, kept.reasons, kept.note)


def pick_within(
    candidates: NDArray[np.int64], base: str, pool: Pool, budget: int, seed: int, wrapper: str
) -> Picks:
    """Run another strategy on some rows; where they are too few, on the others for the rest.

    Parameters
    ----------
    candidates : ndarray of int64
        Ascending positions.
    base, pool, budget, seed, wrapper
        As for `pick_by`.
    """
    parts = [candidates, np.setdiff1d(np.arange(len(pool.ids)), candidates)]
    picked: list[Picks] = []
    left = budget
    for at in parts:
        if left and len(at):
            inside = pick_by(
                base, replace(pool.of(at), graph=None), min(left, len(at)), seed, wrapper
            )
            picked.append(replace(inside, positions=at[inside.positions]))
            left -= len(inside.positions)
    return joined(picked)


def joined(picked: list[Picks]) -> Picks:
    """Put picks one after another."""
    return Picks(
        np.concatenate([each.positions for each in picked]),
        np.concatenate([each.gains for each in picked]),
        [reason for each in picked for reason in each.reasons],
        " ".join(dict.fromkeys(each.note for each in picked if each.note)),
    )
