"""BIDS: rows that help every validation row, the one helped least so far first.

Dai and others, Improving Influence-based Instruction Tuning Data Selection for Balanced Learning
of Diverse Capabilities (BIDS, arXiv 2501.12147). Influence is standardised for each validation
row (column), so that no task wins by the scale of its gradients; then each pick is
``argmax_i max_j (z_ij - m_j)``, m the mean of the rows picked so far. The authors' code is not
public. Ours, where their text is silent: m is 0 at first, which is the mean of all rows, and
constant columns are dropped: as zeros they would be better than any negative utility.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sluice.core.arrays import checked_vectors
from sluice.core.budgets import parse_budget
from sluice.core.errors import DataError
from sluice.subsets.contract import Picks, Pool, Selection, Selector
from sluice.subsets.information.balanced_greedy import balanced_greedy, finite_rows, ranked_columns
from sluice.subsets.plain_arrays import as_selection


def bids(
    influence: ArrayLike, budget: int | float | str, *, standardised: bool = True
) -> Selection:
    """Pick rows that help every validation row, the one helped least so far first.

    Parameters
    ----------
    influence : array-like, shape (N, V)
        Influence of each row on each validation row; positive where it helps. Rows with NaN or
        an infinite number are set aside. float32 and float64 are read in place.
    budget : int, float or str
        A count, a share or a percentage of N.
    standardised : bool
        Whether each column is brought to mean 0 and standard deviation 1 over the usable rows,
        and constant columns are dropped.

    Returns
    -------
    Selection
        By position (int64), in rank order. Gain: the utility, ``max_j (z_ij - m_j)``.

    Raises
    ------
    DataError
        The influence is no matrix of numbers with at least one row and one column.
    BudgetError
        See `sluice.core.budgets.parse_budget`.

    Notes
    -----
    Nested. Ties: lower position. Where two rows of one column differ by less than the rounding
    of z - m, the greater z wins. Cost: N V + V b log b once, then V a pick. Memory beside the
    matrix: 4 V b bytes and a few times 8 N x 16.
    """
    matrix = _numbers(influence)
    count = parse_budget(budget, len(matrix))
    return as_selection("bids", _bids(matrix, None, count, standardised), count)


def _core(pool: Pool, budget: int, seed: int, *, standardised: bool = True) -> Picks:
    """Run `bids` on the influence of a pool; see there.

    The seed is not used: the method is deterministic.
    """
    assert pool.influence is not None
    matrix, served = _numbers(pool.influence.matrix), pool.influence.served
    if len(served) != matrix.shape[1]:
        raise DataError(
            f"The pool's influence has {matrix.shape[1]} columns and {len(served)} names of "
            "validation rows; give one name a column."
        )
    return _bids(matrix, served, budget, standardised)


def _bids(
    matrix: NDArray[np.floating], served: tuple[str, ...] | None, budget: int, standardised: bool
) -> Picks:
    """Set rows and columns aside, pick, say why."""
    usable = finite_rows(matrix)
    notes: list[str] = []
    if len(usable) < len(matrix):
        lost = f"{len(matrix) - len(usable)} of {len(matrix)} rows are set aside"
        notes.append(f"{lost}: an influence is NaN or infinite.")
    if not len(usable):
        return Picks(usable, np.empty(0), [], " ".join(notes))
    budget = min(budget, len(usable))
    columns = ranked_columns(matrix, usable, budget, standardised)
    dropped = matrix.shape[1] - len(columns.numbers)
    if dropped:
        out = f"{dropped} of {matrix.shape[1]} validation rows are left out"
        notes.append(f"{out}: all rows have the same influence there.")
    if not len(columns.numbers):
        reasons = ["Fills the budget: no validation row tells the rows apart."] * budget
        return Picks(usable[:budget], np.zeros(budget), reasons, " ".join(notes))
    positions, utilities, lagging = balanced_greedy(matrix, columns, budget)
    unit = " standard deviations" if standardised else ""
    reasons = [
        _reason(f"row {column}" if served is None else repr(served[column]), gain, unit, rank)
        for rank, (column, gain) in enumerate(
            zip(lagging.tolist(), utilities.tolist(), strict=True)
        )
    ]
    return Picks(positions, utilities, reasons, " ".join(notes))


def _reason(name: str, gain: float, unit: str, rank: int) -> str:
    """Say which validation row a pick serves, and by how much."""
    if rank:
        others = f"the mean of the {rank} rows" if rank > 1 else "that of the row"
        others += " kept before it"
    else:
        others = "the mean of all rows" if unit else "0"
    side = "above" if gain >= 0 else "below"
    return f"Serves validation {name}: influence {abs(gain):.3g}{unit} {side} {others}."


def _numbers(influence: ArrayLike) -> NDArray[np.floating]:
    """Return N x V numbers: a row for each row of the pool, a column for each validation row."""
    return checked_vectors("The rows of the influence", influence, finite=False)


SELECTOR = Selector(
    name="bids",
    core=_core,
    version="1",
    needs=frozenset({"influence"}),
    tasks=frozenset({"instructions"}),
    stochastic=False,
    nested=True,
    class_floor=False,
    summary="Rows that help every validation row, the one helped least so far first.",
    formula="argmax_i max_j (z_ij - m_j), z the influence by column, m the mean of the picks",
    paper="Dai and others, arXiv 2501.12147",
    cost="N V + V b log b, then V a pick",
    options={"standardised": True},
)
