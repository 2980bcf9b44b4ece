"""How a task trains a model on each subset: what its evaluations and their estimate ask of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assets.instructions.tuning import Job
from assets.lineage.inputs import Rows
from assets.lineage.stage import Run, digest_of
from sluice.core.digests import order_free_digest
from sluice.data.config import DatasetConfig

HeldOut = dict[str, list[int]]
"""Positions of the held-out rows that models are measured on, by split."""


@dataclass(frozen=True)
class Trainer:
    """How models are trained on subsets of one dataset, and measured.

    Attributes
    ----------
    settings : list of str
        Everything but rows that the numbers of a model depend on.
    held_out : callable
        Takes the present rows and returns those that models are measured on.
    train : callable
        Takes the present rows, the held-out ones and jobs with their keys; trains and measures a
        model for each, and stores its row at once.
    hours : callable
        Takes the present rows, the held-out ones and at least one job; tries, and returns the
        hours that all will take.
    of_rows : callable
        Takes the present rows and returns what else the numbers depend on.
    parameters : mapping
        Of the configuration, what `held_out` depends on.
    """

    settings: list[str]
    held_out: Callable[[Rows], HeldOut]
    train: Callable[[Rows, HeldOut, list[tuple[str, Job]]], None]
    hours: Callable[[Rows, HeldOut, list[Job]], float]
    of_rows: Callable[[Rows], list[str]] = lambda rows: []
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Kind:
    """What models a task's subsets train.

    Attributes
    ----------
    what : str
        Their name for people, in the plural.
    version : str
    table : str
        Of the lake.
    numbers : sequence of str
        Columns of the table that are shown and logged.
    description : str
        Of an evaluation; `{rows}` stands for what is trained on.
    tries : str
        What the estimate does.
    advice : str
        How trainings that would take too long are made fewer or shorter.
    trainer : callable
    may_read, reads : sequence of str, and callable
        What is read beside instances and subsets: by any dataset, and by one configuration's.
    """

    what: str
    version: str
    table: str
    numbers: Sequence[str]
    description: str
    tries: str
    advice: str
    trainer: Callable[[Run], Trainer]
    may_read: Sequence[str] = ()
    reads: Callable[[DatasetConfig], list[str]] = lambda config: []


def evaluation_ids(
    trainer: Trainer, jobs: list[Job], present: Rows, held_out: HeldOut
) -> list[str]:
    """Return a key for each model: a digest of everything that its numbers depend on."""
    settings = [*trainer.settings, *trainer.of_rows(present)]
    held = [
        order_free_digest(f"{present.ids[i]} {present.content_hashes[i]}" for i in at)
        for at in held_out.values()
    ]
    return [
        digest_of([*settings, *held, job.method, job.budget, job.seed, job.rows_digest])
        for job in jobs
    ]


def row_of(key: str, dataset: str, job: Job, learner: str, seconds: float) -> dict[str, Any]:
    """Return what the stored row of every trained model has."""
    return {
        "evaluation_id": key,
        "dataset": dataset,
        **{name: getattr(job, name) for name in ("method", "budget", "seed", "selection_id")},
        "size": job.size,
        "learner": learner,
        "seconds": seconds,
    }
