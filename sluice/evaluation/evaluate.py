"""The shell around every learner: which models there are to be, and the training of each.

It sorts rows by id, leaves out those of weight 0, and checks that there is one outcome a held-out
row, so that a learner needs not.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.arrays import check_unique, checked_weights
from sluice.core.digests import order_free_digest
from sluice.core.errors import DataError, SluiceError
from sluice.core.progress import Advance
from sluice.core.randomness import keyed_uniform
from sluice.evaluation.comparison import ALL_ROWS
from sluice.evaluation.learner import Examples, Learner
from sluice.evaluation.metrics import Outcomes

SPLITS = ("validation", "test")
SAMPLE_SEED = 0
JUDGE_SEED = 1
# Fewer could not tell two models apart (ours).
FEW_JUDGES = 50
# All rows cost most and vary least from seed to seed (ours).
ALL_ROWS_SEEDS = 3


@dataclass(frozen=True)
class Job:
    """One model to be trained and measured: a subset, and the seed of its training."""

    method: str
    budget: str
    seed: int
    selection_id: str
    size: int
    rows_digest: str


@dataclass(frozen=True)
class Evaluation:
    """What one model did: outcomes by split and kind, and the seconds of training it."""

    outcomes: dict[str, dict[str, Outcomes]]
    seconds: float


def evaluate(
    learner: Learner,
    rows: Examples,
    names: Sequence[str],
    held_out: Mapping[str, Examples],
    seed: int,
    advance: Advance | None = None,
) -> Evaluation:
    """Train on some rows and return what the model does on each held-out row.

    Parameters
    ----------
    learner : Learner
    rows : Examples
        In any order; rows of weight 0 are left out.
    names : sequence of str
        See `Learner.names`.
    held_out : mapping of split to Examples
    seed : int
    advance : callable, optional

    Raises
    ------
    DataError
        There is no row to train on or to measure on, an id comes twice, or a weight is below 0
        or not finite.
    SluiceError
        The learner breaks its contract: it says which outcomes are missing.
    """
    check_held_out({split: len(part) for split, part in held_out.items()})
    chosen = ready(rows)
    began = time.perf_counter()
    model = learner.train(chosen, names, seed, advance)
    seconds = time.perf_counter() - began
    try:
        outcomes = {
            split: checked_outcomes(learner, model.outcomes(part), len(part))
            for split, part in held_out.items()
        }
    finally:
        model.close()
    return Evaluation(outcomes, seconds)


def ready(rows: Examples) -> Examples:
    """Return rows as learners take them: in order of id, without those of weight 0.

    Equal weights are none.

    Raises
    ------
    DataError
        There is none, an id comes twice, or a weight is below 0 or not finite.
    """
    ids = np.asarray(rows.ids, dtype=np.str_)
    order = np.argsort(ids, kind="stable")
    check_unique(ids, " among the rows to train on")
    if not len(ids):
        raise DataError("There is no row to train on; give at least one.")
    if rows.weights is not None:
        order = order[checked_weights(rows.weights, len(ids))[order] > 0]
    chosen = rows.at(order)
    if chosen.weights is not None and np.ptp(chosen.weights) == 0:
        return replace(chosen, weights=None)
    return chosen


def checked_outcomes(
    learner: Learner, outcomes: Mapping[str, Outcomes], rows: int
) -> dict[str, Outcomes]:
    """Return outcomes as arrays of shape (n, k), after checking that none is missing.

    Raises
    ------
    SluiceError
        Some are missing.
    """
    found: dict[str, Outcomes] = {}
    for kind in dict.fromkeys(metric.outcome for metric in learner.metrics):
        values = np.asarray(outcomes.get(kind, ()), dtype=np.float64)
        found[kind] = values[:, None] if values.ndim == 1 else values
        if len(values) != rows:
            raise SluiceError(
                f"{type(learner).__name__} gave {len(values)} outcomes of the kind {kind!r} for "
                f"{rows} held-out rows; it must give one for each."
            )
    return found


def check_held_out(rows: Mapping[str, int], dataset: str = "") -> None:
    """Refuse to measure on no rows.

    Raises
    ------
    DataError
        A split has none; it says what to do.
    """
    empty = [split for split, count in rows.items() if not count]
    if empty:
        raise DataError(
            f"{f'Dataset {dataset}' if dataset else 'This dataset'} has no "
            f"{' and no '.join(empty)} rows, so no subset can be measured. Add rows, or change the "
            "split column or the shares under `split` in its dataset.yaml."
        )


def held_out_positions(
    learner: Learner, ids: Sequence[str], splits: Sequence[str]
) -> dict[str, list[int]]:
    """Return positions of the held-out rows that models are measured on, in order of id.

    Of more than `Learner.most_held_out` those of the least keyed draws, so that other rows coming
    or going move few of them.

    Parameters
    ----------
    learner : Learner
    ids, splits : sequence of str, length n
        Sorted by id.
    """
    chosen: dict[str, list[int]] = {}
    for split in SPLITS:
        at = [i for i, name in enumerate(splits) if name == split]
        if learner.most_held_out is not None:
            draws = keyed_uniform(SAMPLE_SEED, np.array([ids[i] for i in at]))
            least = np.argsort(draws, kind="stable")[: learner.most_held_out].tolist()
            at = sorted(at[i] for i in least)
        chosen[split] = at
    return chosen


def chosen_by_and_judged_by(
    ids: Sequence[str],
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which validation rows choose the subset for the model, and which judge the model.

    Halves by a hash of the id: what chose a model thinks too well of it. Where a half would have
    fewer than `FEW_JUDGES` rows all do both, and who judges must correct for it.

    Parameters
    ----------
    ids : sequence of str, length n

    Returns
    -------
    chooses, judges : ndarray of bool, shape (n,)
    """
    judges = keyed_uniform(JUDGE_SEED, np.array(ids, dtype=np.str_)) < 0.5
    if min(int(judges.sum()), int((~judges).sum())) < FEW_JUDGES:
        every = np.ones(len(ids), dtype=np.bool_)
        return every, every
    return ~judges, judges


def subset_jobs(
    learner: type[Learner],
    method: str,
    entries: Sequence[Mapping[str, Any]],
    seeds: Sequence[int],
    *,
    stochastic: bool,
) -> list[Job]:
    """Return what is trained on a method's subsets.

    A method without randomness has one subset a budget. Where the training has its own, it is
    trained on with every seed; one with randomness is trained on each subset with its own seed.
    """
    own = stochastic or not learner.seeded
    return [
        Job(
            method,
            str(entry["budget"]),
            seed,
            str(entry["selection_id"]),
            int(entry["size"]),
            str(entry["rows_digest"]),
        )
        for entry in entries
        for seed in ([int(entry["seed"])] if own else seeds)
    ]


def all_rows_jobs(
    learner: type[Learner], contents: Sequence[str], seeds: Sequence[int]
) -> list[Job]:
    """Return the control: every training row, given as ``"id content_hash"``."""
    rows_digest = order_free_digest(contents)
    return [
        Job(ALL_ROWS, "all", seed, "", len(contents), rows_digest)
        for seed in (seeds[:ALL_ROWS_SEEDS] if learner.seeded else [0])
    ]
