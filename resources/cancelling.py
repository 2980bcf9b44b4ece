"""Runs that are to end: those in the queue at once, those in progress when they see it."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import dagster as dg

from resources.locks import PARTITION_TAG
from resources.run_watch import PROCESS_TAG

ACTIVE = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_WAITING = ACTIVE[:3]


@dataclass(frozen=True)
class Cancelled:
    """What became of runs that are to end.

    Attributes
    ----------
    ended : list of str
        Ids of those that had not begun, and never will.
    told : list of str
        Ids of those in progress: they stop at the next word of theirs, within seconds as a rule.
    """

    ended: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)


def active_runs(instance: dg.DagsterInstance, dataset: str) -> list[dg.DagsterRun]:
    """Return a dataset's runs that have not ended, newest first."""
    filters = dg.RunsFilter(tags={PARTITION_TAG: dataset}, statuses=ACTIVE)
    return list(instance.get_runs(filters))


def cancel(instance: dg.DagsterInstance, runs: Iterable[dg.DagsterRun], why: str) -> Cancelled:
    """Cancel runs, whoever started them; `why` stands in each run's log."""
    done = Cancelled()
    for run in runs:
        if run.status in _WAITING and PROCESS_TAG not in run.tags:
            instance.report_run_canceling(run, why)
            instance.report_run_canceled(run, why)
            done.ended.append(run.run_id)
            continue
        if run.status != dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceling(run, why)
        done.told.append(run.run_id)
    return done


def still_going(instance: dg.DagsterInstance, run_ids: list[str], seconds: float) -> list[str]:
    """Wait until runs have ended, for so long at most; return those that have not."""
    until = time.monotonic() + seconds
    going = list(run_ids)
    while True:
        runs = {run_id: instance.get_run_by_id(run_id) for run_id in going}
        going = [run_id for run_id, run in runs.items() if run is not None and not run.is_finished]
        if not going or time.monotonic() > until:
            return going
        time.sleep(0.2)


def give_up(instance: dg.DagsterInstance, run_ids: list[str]) -> None:
    """Mark runs as cancelled that do not answer, and free what they hold of the pools."""
    for run_id in run_ids:
        run = instance.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            instance.report_run_canceled(run, "Cancelled without an answer of its process.")
        instance.event_log_storage.free_concurrency_slots_for_run(run_id)
