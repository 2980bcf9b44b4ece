"""Runs whose process is gone: Dagster goes on counting them, and their place in a pool.

A run that was killed outside of the daemon's sight stays "started" for ever, keeps its slot in the
pool, and the next run would wait for it without end. Each run is tagged with its process: the
command line does it when it creates the run, every other run when it asks for its dataset's lock.
"""

import os
import socket

import dagster as dg
from filelock import FileLock, Timeout

from resources.lake import Lake
from resources.locks import PARTITION_TAG, lock_file, lock_of
from resources.run_watch import PROCESS_TAG, began
from sluice.core.errors import ConfigError

# What a run can be that has not ended, and is not in the queue's care.
_IN_PROCESS = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def fail_dead_runs(instance: dg.DagsterInstance, lake: Lake) -> list[str]:
    """Mark dead runs as failed, or cancelled where that was asked, free their slots; return ids."""
    holders = instance.event_log_storage.get_concurrency_run_ids()
    dead: list[str] = []
    for run in instance.get_runs(dg.RunsFilter(statuses=_IN_PROCESS)):
        process = run.tags.get(PROCESS_TAG)
        gone = _is_gone(process) if process else run.run_id in holders and _is_free(lake, run)
        if not gone:
            continue
        if run.status == dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, "Its process has ended.")
        else:
            instance.report_run_failed(run, "Its process ended without a word; run it again.")
        dead.append(run.run_id)
    for run_id in holders:
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            instance.event_log_storage.free_concurrency_slots_for_run(run_id)
    return dead


def _is_gone(process: str) -> bool:
    host, number, *since = process.split(":")
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    # The number of a process is given again to another one.
    return bool(since and since[0] and since[0] != began(int(number)))


def _is_free(lake: Lake, run: dg.DagsterRun) -> bool:
    """Whether nobody holds the dataset of a run, on this machine or on another one."""
    dataset, locks = run.tags.get(PARTITION_TAG, ""), lake.folder / "locks"
    try:
        lock = FileLock(lock_file(locks, dataset))
    except ConfigError:
        # No dataset can have that name, so nobody can have taken its lock.
        return True
    locks.mkdir(parents=True, exist_ok=True)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    lock.release()
    if not lake.catalog:
        return True
    elsewhere = lock_of(lake, dataset)
    try:
        return elsewhere.try_now()
    finally:
        elsewhere.close()
