"""ProbCover: rows whose balls cover most rows that no ball covers yet.

Yehuda and others, Active Learning Through a Covering Lens (arXiv 2205.11320).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError
from sluice.core.progress import track
from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.covering.k_center import greedy_k_center
from sluice.subsets.queries.balls import Balls, balls, pure_radius


def cover(
    around: Balls, covered: NDArray[np.bool_], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pick rows greedily by how many uncovered rows their balls hold.

    Parameters
    ----------
    around : Balls
        Of each row among all rows, hence symmetric.
    covered : ndarray of bool, shape (n,)
        Rows that are covered from the start.
    count : int
        Most rows to pick.

    Returns
    -------
    positions, newly : ndarray of int64, shape (p,)
        Rows, and how many they newly cover; fewer than `count` once all are covered. Ties go to
        the lower position.

    Notes
    -----
    Exact: a row that becomes covered is taken from the count of every ball that holds it, so
    each pair is touched once. Cost n a pick, and the pairs.
    """
    covered = covered.copy()
    sizes = np.diff(around.begins)
    holders = np.repeat(np.arange(len(sizes)), sizes)
    left = np.bincount(holders[~covered[around.members]], minlength=len(sizes))
    positions: list[int] = []
    newly: list[int] = []
    with track("covering", count) as advance:
        while len(positions) < count and left.max() > 0:
            chosen = int(left.argmax())
            positions.append(chosen)
            newly.append(int(left[chosen]))
            for row in around.of(chosen)[~covered[around.of(chosen)]].tolist():
                left[around.of(row)] -= 1
                covered[row] = True
            advance()
    return np.array(positions, dtype=np.int64), np.array(newly, dtype=np.int64)


def _core(
    pool: Pool, budget: int, seed: int, *, delta: float | None = None, purity: float = 0.95
) -> Picks:
    """Cover, from the labelled rows on; once all is covered, go on as core-set does (ours)."""
    assert pool.embeddings is not None
    assert pool.labelled is not None
    rows, known = pool.embeddings, pool.labelled
    if delta is not None and not delta > 0:
        raise ConfigError(f"delta is {delta!r}; give a radius above 0, or leave it out.")
    if not 0 < purity <= 1:
        raise ConfigError(f"purity is {purity!r}; give a share above 0 and up to 1.")
    radius = delta or pure_radius(rows, pool.ids, seed, max(2, known.n_classes), purity)
    covered = np.zeros(len(rows), dtype=np.bool_)
    if len(known.ids):
        covered[balls(rows, known.embeddings, radius).members] = True
    positions, newly = cover(balls(rows, rows, radius), covered, budget)
    reasons = [
        f"Its ball of radius {radius:.3f} holds {gain} rows that none before it covers."
        for gain in newly.tolist()
    ]
    gains = newly.astype(np.float64)
    if len(positions) < budget:
        whole = np.vstack([rows, known.embeddings])
        start = np.concatenate([positions, np.arange(len(rows), len(whole))])
        rest, apart = greedy_k_center(whole, len(start) + budget - len(positions), start)
        reasons += [
            f"All rows are covered at radius {radius:.3f}: it is the farthest of the others, "
            f"{distance:.3f} from the nearest."
            for distance in apart.tolist()
        ]
        positions, gains = np.concatenate([positions, rest]), np.append(gains, np.zeros(len(rest)))
    return Picks(positions, gains, reasons)


SELECTOR = Selector(
    name="prob_cover",
    core=_core,
    version="1",
    needs=frozenset({"embeddings", "labelled"}),
    tasks=frozenset({"text"}),
    # the seed enters by the clusters that choose the radius
    stochastic=True,
    nested=True,
    class_floor=False,
    summary="Rows whose balls cover most rows that no ball covers yet.",
    formula="argmax_x |B_delta(x) not yet covered|",
    paper="Yehuda and others, arXiv 2205.11320",
    cost="n^2 d",
    options={"delta": None, "purity": 0.95},
    family=("data-based", "representativeness", "set construction"),
)
