"""Highest instruction-following difficulty below 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sluice.core.arrays import one_number_each
from sluice.core.budgets import parse_budget
from sluice.subsets.contract import Picks, Pool, Selection, Selector
from sluice.subsets.plain_arrays import as_selection, usable_by


def ifd_top(ifd: ArrayLike, budget: int | float | str) -> Selection:
    """Pick the rows whose prompt helps the model least, yet helps.

    Li and others, From Quantity to Quality (Cherry LLM, arXiv 2308.12032), and Superfiltering
    (arXiv 2402.00530): of the rows with an IFD below 1, those with the highest. At 1 and above
    the prompt does not help to foresee its response: prompt and response do not fit.

    Parameters
    ----------
    ifd : array-like, shape (n,)
        Perplexity of the response given the prompt, over its perplexity alone. Rows with NaN or
        an infinite number are set aside.
    budget : int, float or str
        A count, a share or a percentage of n.

    Returns
    -------
    Selection
        By position (int64), in rank order. Gain: the IFD. Rows at 1 and above are never picked,
        so there may be fewer rows than the budget; the note says so.

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
    values = one_number_each("IFD scores", ifd, negative=False)
    count = parse_budget(budget, len(values))
    return as_selection("ifd_top", _ifd_top(values, count), count)


def _core(pool: Pool, budget: int, seed: int) -> Picks:
    """Run `ifd_top` on the score ``ifd``; see there. The seed is not used."""
    return _ifd_top(one_number_each("IFD scores", pool.scores["ifd"], negative=False), budget)


def _ifd_top(values: NDArray[np.float64], budget: int) -> Picks:
    finite, _, note = usable_by(values, budget, "IFD is")
    below = finite[values[finite] < 1.0]
    positions = below[np.argsort(-values[below], kind="stable")[:budget]]
    gains = values[positions]
    reasons = [
        f"IFD {gain:.3f}: number {rank} of {len(below)} rows below 1."
        for rank, gain in enumerate(gains.tolist(), start=1)
    ]
    over = len(finite) - len(below)
    # why a budget is not used up; otherwise nobody needs to know
    if over and len(positions) < budget:
        cut = f"{over} of {len(values)} rows are left out: IFD is 1 or more."
        note = " ".join(filter(None, [note, cut]))
    return Picks(positions, gains, reasons, note)


SELECTOR = Selector(
    name="ifd_top",
    core=_core,
    version="1",
    needs=frozenset({"scores:ifd"}),
    tasks=frozenset({"instructions"}),
    stochastic=False,
    nested=True,
    class_floor=False,
    summary="Rows whose prompt helps the model least, yet helps: the highest IFD below 1.",
    formula="argmax_i IFD(i), IFD(i) < 1",
    paper="Li and others, arXiv 2308.12032 and 2402.00530",
    cost="n log n beyond the score",
    sets_aside=True,
)
