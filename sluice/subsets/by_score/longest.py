"""Longest responses first: a plain baseline that is hard to beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sluice.core.arrays import one_number_each
from sluice.core.budgets import parse_budget
from sluice.subsets.contract import Picks, Pool, Selection, Selector
from sluice.subsets.plain_arrays import as_selection, usable_by


def longest(response_tokens: ArrayLike, budget: int | float | str) -> Selection:
    """Pick the rows with the longest responses.

    Zhao and others, Long Is More for Alignment (arXiv 2402.04833): the 1,000 longest responses
    of a pool make a strong set to fine-tune on.

    Parameters
    ----------
    response_tokens : array-like, shape (n,)
        Tokens of each response. Rows with NaN or an infinite number are set aside.
    budget : int, float or str
        A count, a share or a percentage of n.

    Returns
    -------
    Selection
        By position (int64), in rank order. Gain: the tokens.

    Raises
    ------
    DataError
        There is not one number of 0 or more a row.
    BudgetError
        See `sluice.core.budgets.parse_budget`.

    Notes
    -----
    Nested. Ties: lower position. Cost n log n.
    """
    tokens = one_number_each("Response tokens", response_tokens, negative=False)
    count = parse_budget(budget, len(tokens))
    return as_selection("longest", _longest(tokens, count), count)


def _core(pool: Pool, budget: int, seed: int) -> Picks:
    """Run `longest` on the score ``response_tokens``; see there. The seed is not used."""
    name = "response_tokens"
    given = one_number_each("Response tokens", pool.scores[name], negative=False)
    return _longest(given, budget)


def _longest(tokens: NDArray[np.float64], budget: int) -> Picks:
    usable, budget, note = usable_by(tokens, budget, "the number of response tokens is")
    positions = usable[np.argsort(-tokens[usable], kind="stable")[:budget]]
    gains = tokens[positions]
    reasons = [
        f"A response of {count:g} tokens: number {rank} of {len(usable)} in length."
        for rank, count in enumerate(gains.tolist(), start=1)
    ]
    return Picks(positions, gains, reasons, note)


SELECTOR = Selector(
    name="longest",
    core=_core,
    version="1",
    needs=frozenset({"scores:response_tokens"}),
    tasks=frozenset({"instructions"}),
    stochastic=False,
    nested=True,
    class_floor=False,
    summary="The longest responses: a plain baseline that is hard to beat.",
    formula="argmax_i tokens of response i",
    paper="Zhao and others, arXiv 2402.04833",
    cost="n log n",
    sets_aside=True,
)
