"""T-SHIRT: of the rows with the highest S-IFD, those whose S-IFD noise moves least.

Fu and others, T-SHIRT: Token-Selective Hierarchical Data Selection for Instruction Tuning (arXiv
2506.01317). The scores come from noisy copies of each row, see `sluice.scores.s_ifd`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sluice.core.arrays import one_number_each
from sluice.core.budgets import parse_budget
from sluice.core.errors import ConfigError
from sluice.subsets.contract import Picks, Pool, Selection, Selector
from sluice.subsets.plain_arrays import as_selection

CAPS = ("ifd", "s_ifd", "none")
EMPTY_TOKENS = ("exclude", "reference")
MODES = ("paper", "reference")


@dataclass(frozen=True)
class _Options:
    pool_factor: float
    cap: str
    empty_tokens: str
    mode: str

    def check(self) -> None:
        given: object = self.pool_factor
        if not isinstance(given, Real) or not 1.0 <= float(given) < math.inf:
            raise ConfigError(f"pool_factor is {self.pool_factor!r}; give a number of 1 or more.")
        known = {"cap": CAPS, "empty_tokens": EMPTY_TOKENS, "mode": MODES}
        for name, values in known.items():
            if getattr(self, name) not in values:
                choice = " or ".join(map(repr, values))
                raise ConfigError(f"{name} is {getattr(self, name)!r}; give {choice}.")


def t_shirt(
    mean: ArrayLike,
    std: ArrayLike,
    ifd: ArrayLike,
    budget: int | float | str,
    *,
    pool_factor: float = 2.0,
    cap: str = "ifd",
    informative_tokens: ArrayLike | None = None,
    empty_tokens: str = "exclude",
    mode: str = "paper",
) -> Selection:
    """Pick rows with a high S-IFD that noise does not move.

    Of the rows below the cap, the ``pool_factor * budget`` with the highest mean S-IFD; of
    these the `budget` with the least standard deviation.

    Parameters
    ----------
    mean, std : array-like, shape (n,)
        Of the S-IFD over the noisy copies of each row. Rows with NaN or an infinite number
        here, in `ifd` or in `informative_tokens` are set aside.
    ifd : array-like, shape (n,)
        Mean IFD over the noisy copies.
    budget : int, float or str
        A count, a share or a percentage of n.
    pool_factor : float
        1 or more; 2 in the paper. What it gives is rounded up.
    cap : {"ifd", "s_ifd", "none"}
        Which of the two must be below 1: mean IFD as in the paper, mean S-IFD (ours), or neither.
    informative_tokens : array-like, shape (n,), optional
        Mean number of informative tokens over the copies. Unknown by default, and then no row
        counts as one without.
    empty_tokens : {"exclude", "reference"}
        What becomes of rows without an informative token in any copy. Their S-IFD is 1 by
        definition and their standard deviation 0, so in the authors' code they come before good
        rows; excluding them is ours.
    mode : {"paper", "reference"}
        The authors' code keeps rows without an informative token, so ``"reference"`` does so
        whatever `empty_tokens` says. Their ties depend on the order of a heap; ours never do.

    Returns
    -------
    Selection
        By position (int64), least standard deviation first. Gain: the mean S-IFD. There may be
        fewer rows than the budget; the note says so, and counts the rows left out.

    Raises
    ------
    DataError
        There is not one number a row, or one is negative.
    BudgetError
        See `sluice.core.budgets.parse_budget`.
    ConfigError
        An option is none of the values above.

    Notes
    -----
    Not nested: a larger budget also widens the first stage. Ties: lower position, in both
    stages. Cost n log n.
    """
    means = one_number_each("S-IFD means", mean, negative=False)
    n = len(means)
    deviations = one_number_each("S-IFD standard deviations", std, n, negative=False)
    ratios = one_number_each("IFD means", ifd, n, negative=False)
    tokens = (
        None
        if informative_tokens is None
        else one_number_each("Numbers of informative tokens", informative_tokens, n, negative=False)
    )
    count = parse_budget(budget, n)
    options = _Options(pool_factor, cap, empty_tokens, mode)
    return as_selection(
        "t_shirt", _t_shirt(means, deviations, ratios, tokens, count, options), count
    )


def _core(
    pool: Pool,
    budget: int,
    seed: int,
    *,
    pool_factor: float = 2.0,
    cap: str = "ifd",
    empty_tokens: str = "exclude",
    mode: str = "paper",
) -> Picks:
    """Run `t_shirt` on the scores of a pool; see there.

    The seed is not used: the method is deterministic.
    """
    names = ("s_ifd_mean", "s_ifd_std", "noisy_ifd", "informative_tokens")
    given = [
        one_number_each(f"Scores {name!r}", pool.scores[name], negative=False) for name in names
    ]
    mean, std, ifd, tokens = given
    options = _Options(pool_factor, cap, empty_tokens, mode)
    return _t_shirt(mean, std, ifd, tokens, budget, options)


def _t_shirt(
    mean: NDArray[np.float64],
    std: NDArray[np.float64],
    ifd: NDArray[np.float64],
    tokens: NDArray[np.float64] | None,
    budget: int,
    options: _Options,
) -> Picks:
    """Set rows aside, take the highest means, then the least deviations."""
    options.check()
    candidates, note = _candidates(mean, std, ifd, tokens, options)
    # the decimal as it was written: 1.1 times 10 is 11, and not a little more
    size = math.ceil(Fraction(repr(float(options.pool_factor))) * budget)
    high = candidates[np.argsort(-mean[candidates], kind="stable")[:size]]
    place = np.empty(len(mean), dtype=np.int64)
    place[high] = np.arange(1, len(high) + 1)
    by_position = np.sort(high)
    positions = by_position[np.argsort(std[by_position], kind="stable")[:budget]]
    reasons = [
        f"Mean S-IFD {mean[row]:.4f} is number {place[row]} of {len(candidates)}; its standard "
        f"deviation {std[row]:.4g} is number {rank} of the {len(high)} with the highest means."
        for rank, row in enumerate(positions.tolist(), start=1)
    ]
    return Picks(positions, mean[positions], reasons, note)


def _candidates(
    mean: NDArray[np.float64],
    std: NDArray[np.float64],
    ifd: NDArray[np.float64],
    tokens: NDArray[np.float64] | None,
    options: _Options,
) -> tuple[NDArray[np.int64], str]:
    """Return the ascending positions of the rows that may be picked, and who may not, and why."""
    n, notes = len(mean), list[str]()
    usable = np.isfinite(mean) & np.isfinite(std) & np.isfinite(ifd)
    if tokens is not None:
        usable &= np.isfinite(tokens)
    if not usable.all():
        lost = f"{n - int(usable.sum())} of {n} rows are set aside"
        notes.append(f"{lost}: a score is NaN or infinite.")
    if tokens is not None:
        empty = usable & (tokens == 0)
        kept = options.mode == "reference" or options.empty_tokens == "reference"
        if empty.any():
            fate = "take part with S-IFD 1" if kept else "are left out"
            notes.append(f"{int(empty.sum())} of {n} rows without an informative token {fate}.")
        if not kept:
            usable &= ~empty
    capped = {"ifd": ifd, "s_ifd": mean, "none": None}[options.cap]
    if capped is not None:
        over = usable & (capped >= 1.0)
        if over.any():
            name = {"ifd": "IFD", "s_ifd": "S-IFD"}[options.cap]
            notes.append(f"{int(over.sum())} of {n} rows are left out: mean {name} is 1 or more.")
        usable &= ~over
    return np.flatnonzero(usable), " ".join(notes)


SELECTOR = Selector(
    name="t_shirt",
    core=_core,
    version="1",
    needs=frozenset(
        {"scores:s_ifd_mean", "scores:s_ifd_std", "scores:noisy_ifd", "scores:informative_tokens"}
    ),
    tasks=frozenset({"instructions"}),
    stochastic=False,
    nested=False,
    class_floor=False,
    summary="Of the rows with the highest S-IFD, those whose S-IFD noise moves least.",
    formula="argmin_i std_i among the 2b greatest mean_i of exp(-mean delta_t, |delta_t| > tau)",
    paper="Fu and others, arXiv 2506.01317",
    cost="n log n beyond the scores",
    options={"pool_factor": 2.0, "cap": "ifd", "empty_tokens": "exclude", "mode": "paper"},
    sets_aside=True,
)
