"""Runs whose process is gone: Dagster goes on counting them, and their place in a pool.

A run that was killed outside of the daemon's sight keeps its slot in the pool for ever, and the
next run would wait for it without end. Its dataset's lock, which the operating system releases,
tells that it is dead; so does the process number that the command line leaves on its runs.
"""

import os
import socket

import dagster as dg
from filelock import FileLock, Timeout

from resources.lake import Lake
from resources.locks import PARTITION_TAG, lock_of

PROCESS_TAG = "sluice/process"


def own_process() -> str:
    """Return what a run of this process is tagged with."""
    return f"{socket.gethostname()}:{os.getpid()}"


def fail_dead_runs(instance: dg.DagsterInstance, lake: Lake) -> list[str]:
    """Mark dead runs as failed and free their slots; return their ids."""
    started = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
    holders = instance.event_log_storage.get_concurrency_run_ids()
    dead: list[str] = []
    for run in started:
        process = run.tags.get(PROCESS_TAG)
        gone = _is_gone(process) if process else run.run_id in holders and _is_free(lake, run)
        if gone:
            instance.report_run_failed(run, "Its process ended without a word; run it again.")
            dead.append(run.run_id)
    for run_id in holders:
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            instance.event_log_storage.free_concurrency_slots_for_run(run_id)
    return dead


def _is_gone(process: str) -> bool:
    host, _, number = process.rpartition(":")
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _is_free(lake: Lake, run: dg.DagsterRun) -> bool:
    """Whether nobody holds the dataset of a run, on this machine or on another one."""
    dataset, locks = run.tags.get(PARTITION_TAG, ""), lake.folder / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    lock = FileLock(locks / f"{dataset}.lock")
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
