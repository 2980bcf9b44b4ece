"""Iterative Diversify and Conquer: rounds of rows, clusters weighted by what was learned of them.

Yu and others, Diversify and Conquer: Diversity-Centric Data Selection with Iterative Refinement
(arXiv 2409.11378), section 2.3 and equation 6. All clusters start with the same weight. Each
round draws new rows by weight; a model is trained on what is selected, answers the new prompts,
and is scored: ``S(x) = score(gold answer) - score(generated answer)``. With s_j the mean S of
cluster j, ``w_j <- w_j s_j / sum_c s_c``. Who trains, generates and scores is `reward`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sluice.core.arrays import checked_vectors, one_number_each
from sluice.core.budgets import parse_budget
from sluice.core.errors import ConfigError, DataError, UnknownNameError
from sluice.core.progress import track
from sluice.core.randomness import keyed_bits
from sluice.subsets.clustered.cluster_budgets import largest_remainder, turns
from sluice.subsets.clustered.cluster_weights import cluster_means, updated
from sluice.subsets.clustered.clusters import RowClusters, cluster_rows
from sluice.subsets.clustered.dac import logarithms, race
from sluice.subsets.clustered.plain_vectors import position_ids, whole
from sluice.subsets.contract import Picks, Pool, Selection, Selector
from sluice.subsets.plain_arrays import as_selection, usable_by

Reward = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float64]]
"""``reward(selected, new) -> S of each new row``; `selected` ends with `new`."""


@dataclass(frozen=True)
class _Options:
    k: int | None = None
    rounds: int = 3
    update: str = "paper"
    floor: float = 1e-6

    def check(self) -> None:
        if self.update not in ("paper", "softmax"):
            names = ["paper", "softmax"]
            raise UnknownNameError.of("update of dac_iterative", self.update, names)
        whole("rounds", self.rounds)
        if not 0 <= self.floor < np.inf:
            raise ConfigError(f"floor is {self.floor!r}; give a small number of 0 or more.")


def dac_iterative(
    embeddings: ArrayLike,
    budget: int | float | str,
    reward: Reward,
    seed: int = 0,
    *,
    quality: ArrayLike | None = None,
    k: int | None = None,
    rounds: int = 3,
    update: str = "paper",
    floor: float = 1e-6,
) -> Selection:
    """Pick rows in rounds, more of them where the model still has to learn.

    Parameters
    ----------
    embeddings : array-like, shape (n, d)
    budget : int, float or str
        A count, a share or a percentage of n.
    reward : callable
        ``reward(selected, new)``: trains on `selected` (int64 positions of all rounds so far,
        this one at the end), generates answers to the prompts of `new` (this round's) and
        scores them. Returns float64, shape ``(len(new),)``: S of each new row, greater where
        the model falls short of the gold answer. NaN or infinite: not known, left out of its
        cluster's mean. Called once a round but the last, whose outcome nobody would read.
    seed : int
    quality : array-like, shape (n,), optional
        Draw inside a cluster in proportion to these numbers, 0 or more; uniformly by default.
        Rows with NaN or an infinite number are set aside.
    k : int, optional
        Clusters; chosen by silhouette where not given, see `sluice.subsets.clustered.clusters`.
    rounds : int
        No more than rows are picked. Each picks as many rows; the first ones one more where
        the budget does not divide.
    update : {"paper", "softmax"}
        softmax, as in the authors' code: ``w = softmax(s)``, whatever w was before.
    floor : float
        Least s that counts in update paper, where equation 6 means nothing for negative s
        (ours).

    Returns
    -------
    Selection
        By position (int64), round by round. Gain: the weight of the row's cluster when it was
        drawn. Trace: one entry for each round and cluster: round, cluster, rows there are,
        weight_before, drawn, mean_reward, weight_after (None where nothing was learned).

    Raises
    ------
    DataError
        Shapes do not fit, an embedding is not finite, a quality is below 0, or `reward` returns
        something else than a number for each new row.
    BudgetError
        See `sluice.core.budgets.parse_budget`.
    ConfigError
        `k`, `rounds`, `update` or `floor` is wrong.

    Notes
    -----
    Each round's budget is shared out by largest remainder with overflow, so that it is exact.
    A cluster without a known S this round keeps its weight in update paper (see
    `sluice.subsets.clustered.cluster_weights`).
    Not nested. Cost: that of k-means, and of ``rounds - 1`` rewards.
    """
    rows = checked_vectors("Embeddings", embeddings, dtype=np.float32)
    numbers = None if quality is None else one_number_each("Qualities", quality, len(rows))
    count = parse_budget(budget, len(rows))
    options = _Options(k, rounds, update, floor)
    ids = position_ids(len(rows))
    picks = _picks(rows, numbers, ids, count, reward, seed, options)
    return as_selection("dac_iterative", picks, count)


def _core(
    pool: Pool,
    budget: int,
    seed: int,
    *,
    k: int | None = None,
    rounds: int = 3,
    update: str = "paper",
    floor: float = 1e-6,
    draw: str = "uniform",
) -> Picks:
    """Run `dac_iterative` on a pool; see there.

    ``pool.asks["reward"](selected, count)`` gets the selected positions, of which the last
    `count` are new. With ``draw="quality"`` the pool's score ``quality`` is read.
    """
    rows, ask = pool.embeddings, pool.asks["reward"]
    assert rows is not None
    quality = None
    if draw == "quality":
        if "quality" not in pool.scores:
            raise DataError("dac_iterative draws by quality: compute the score 'quality'.")
        quality = one_number_each("Qualities", pool.scores["quality"], len(rows))
    elif draw != "uniform":
        raise UnknownNameError.of("draw of dac_iterative", draw, ["quality", "uniform"])

    def reward(selected: NDArray[np.int64], new: NDArray[np.int64]) -> NDArray[np.float64]:
        return ask(selected, len(new))

    options = _Options(k, rounds, update, floor)
    return _picks(rows, quality, pool.ids, budget, reward, seed, options)


def _picks(
    rows: NDArray[np.float32],
    quality: NDArray[np.float64] | None,
    ids: NDArray[np.str_],
    budget: int,
    reward: Reward,
    seed: int,
    options: _Options,
) -> Picks:
    """Set rows aside, cluster the others, order each cluster's rows, run the rounds."""
    options.check()
    usable, note = np.arange(len(rows)), ""
    if quality is not None:
        usable, budget, note = usable_by(quality, budget, "quality is")
    if not len(usable):
        return Picks(usable, np.empty(0), [], note)
    weights = np.zeros(len(usable)) if quality is None else logarithms(quality[usable])
    clusters = cluster_rows(rows[usable], ids[usable], seed, options.k)
    # one order for all rounds: what is left of it is as good as drawn anew
    ranking = race(weights, keyed_bits(seed, ids[usable]))

    def asked(selected: NDArray[np.int64], new: NDArray[np.int64]) -> NDArray[np.float64]:
        return reward(usable[selected], usable[new])

    picks = _rounds(clusters, ranking, budget, asked, options)
    return Picks(usable[picks.positions], picks.gains, picks.reasons, note, picks.trace)


def _rounds(
    clusters: RowClusters,
    ranking: NDArray[np.int64],
    budget: int,
    reward: Reward,
    options: _Options,
) -> Picks:
    """Draw, ask, weigh anew."""
    labels, sizes = clusters.labels, clusters.sizes
    weights = np.full(len(sizes), 1.0 / len(sizes))
    left, drawn = ranking, np.zeros(len(sizes), dtype=np.int64)
    selected, gains = np.empty(0, dtype=np.int64), np.empty(0)
    reasons, trace = list[str](), list[Mapping[str, object]]()
    total = min(options.rounds, budget)
    with track("diversify and conquer", total) as advance:
        for number in range(total):
            some = budget // total + (number < budget % total)
            places = largest_remainder(weights, some, sizes - drawn)
            new = turns(labels, left, places)
            left, drawn = left[~np.isin(left, new)], drawn + places
            selected = np.concatenate([selected, new])
            gains = np.concatenate([gains, weights[labels[new]]])
            reasons += [
                f"Round {number + 1} of {total}: drawn from cluster {c}, which has {sizes[c]} of "
                f"{len(labels)} rows, weighs {weights[c]:.4f} and gives {places[c]} of {some}."
                for c in labels[new].tolist()
            ]
            means, after = np.full(len(sizes), np.nan), None
            if number < total - 1:
                means = cluster_means(labels[new], _asked(reward, selected, new), len(sizes))
                after = updated(weights, means, update=options.update, floor=options.floor)
            trace += _traced(number + 1, sizes, weights, places, means, after)
            weights = weights if after is None else after
            advance()
    return Picks(selected, gains, reasons, "", tuple(trace))


def _asked(
    reward: Reward, selected: NDArray[np.int64], new: NDArray[np.int64]
) -> NDArray[np.float64]:
    return one_number_each("Rewards that the function returned", reward(selected, new), len(new))


def _traced(
    number: int,
    sizes: NDArray[np.int64],
    before: NDArray[np.float64],
    places: NDArray[np.int64],
    means: NDArray[np.float64],
    after: NDArray[np.float64] | None,
) -> list[dict[str, object]]:
    """One entry for each cluster."""
    return [
        {
            "round": number,
            "cluster": c,
            "rows": int(sizes[c]),
            "weight_before": float(before[c]),
            "drawn": int(places[c]),
            "mean_reward": float(means[c]) if np.isfinite(means[c]) else None,
            "weight_after": None if after is None else float(after[c]),
        }
        for c in range(len(sizes))
    ]


SELECTOR = Selector(
    name="dac_iterative",
    core=_core,
    version="1",
    needs=frozenset({"embeddings", "asks:reward"}),
    tasks=frozenset({"instructions"}),
    stochastic=True,
    nested=False,
    class_floor=False,
    summary="Rows of every cluster in rounds, more from where a model trained on them falls short.",
    formula="w_j <- w_j s_j / sum_c s_c, s_j the mean score(gold) - score(generated)",
    paper="Yu and others, arXiv 2409.11378",
    cost="n k d an update of k-means; rounds - 1 trainings and generations",
    options={
        "k": None,
        "rounds": 3,
        "update": "paper",
        "floor": 1e-6,
        "draw": "uniform",
    },
)
