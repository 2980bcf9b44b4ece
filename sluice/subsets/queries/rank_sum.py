"""Rank sum: rows that several strategies rank high together (Borda's count).

The ensembles of the survey (arXiv 2008.07267, section 3.5).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sluice.core.errors import ConfigError
from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.queries.ranked import top_picks
from sluice.subsets.queries.wrapped import pick_by


def _core(
    pool: Pool,
    budget: int,
    seed: int,
    *,
    members: Sequence[str] = ("margin", "information_density"),
) -> Picks:
    """Let each member rank all rows, and add up the ranks; least sum first.

    Score: Borda's points, ``sum_m (n - rank_m)`` with ranks from 1.
    """
    if isinstance(members, str) or len(members) < 2 or len(set(members)) < len(members):
        raise ConfigError("rank_sum needs members: two or more different names of strategies.")
    n = len(pool.ids)
    points = np.zeros(n)
    for name in members:
        ranking = pick_by(name, pool, n, seed, "rank_sum").positions
        points[ranking] += n - 1 - np.arange(n)
    best = len(members) * (n - 1) or 1
    return top_picks(
        points,
        budget,
        lambda score, _: f"Ranked above {score / best:.1%} of the rows by {' and '.join(members)}",
    )


SELECTOR = Selector(
    name="rank_sum",
    core=_core,
    version="1",
    needs=frozenset(),
    tasks=frozenset({"text"}),
    stochastic=True,
    nested=True,
    class_floor=False,
    summary="Rows that several strategies rank high together.",
    formula="argmin sum_m rank_m(x)",
    paper="Schröder and Niekler, arXiv 2008.07267",
    cost="each member's ranking of all rows",
    options={"members": ("margin", "information_density")},
    family=("ensemble",),
    passes_on=True,
)
