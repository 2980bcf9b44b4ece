"""A run looks itself whether it is to stop, and says when it waits for the pool of the GPU.

Whoever wants a run to end says so in Dagster's record of it (`sluice cancel`, the UI, a folder that
is gone); the run's own process sees it and interrupts itself, wherever it was started from. No
process is ended from outside by its number, which another one may have by then.
"""

import logging
import os
import signal
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import dagster as dg

from resources.compute import GPU_POOL

logger = logging.getLogger("sluice.stage")

PROCESS_TAG = "sluice/process"
SECONDS = 1.0

_TO_STOP = {dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED}


def own_process() -> str:
    """Return what a run of this process is tagged with."""
    return f"{socket.gethostname()}:{os.getpid()}:{began(os.getpid())}"


def began(process: int) -> str:
    """Return when a process began, in ticks since the machine did; empty where it is not told."""
    with suppress(OSError, IndexError):
        # The name of the program, in parentheses, may hold anything.
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    return ""


@contextmanager
def watched(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Generator[None]:
    """Watch a run from its own process while the block lasts."""
    if PROCESS_TAG not in run.tags:
        instance.add_run_tags(run.run_id, {PROCESS_TAG: own_process()})
    # Dagster listens to interrupts in the main thread alone; a database in memory is not shared.
    if instance.is_ephemeral or threading.current_thread() is not threading.main_thread():
        yield
        return
    done = threading.Event()
    watch = threading.Thread(target=_watch, args=(instance, run.run_id, done), daemon=True)
    watch.start()
    try:
        yield
    finally:
        done.set()
        watch.join()


def _watch(instance: dg.DagsterInstance, run_id: str, done: threading.Event) -> None:
    said = ""
    while not done.wait(SECONDS):
        # A database that is busy for a moment is asked again.
        with suppress(Exception):
            run = instance.get_run_by_id(run_id)
            if run is not None and run.status in _TO_STOP:
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
                return
            waits_for = pool_of(instance, run_id)
            if waits_for and waits_for != said:
                logger.warning("Waiting for the GPU, which %s uses.", waits_for)
            said = waits_for


def pool_of(instance: dg.DagsterInstance, run_id: str) -> str:
    """Return which runs hold the GPU's pool while a run waits for it, else nothing."""
    if GPU_POOL is None:
        return ""
    pool = instance.event_log_storage.get_concurrency_info(GPU_POOL)
    if run_id not in pool.pending_run_ids:
        return ""
    holders = sorted(pool.active_run_ids - {run_id})
    return " and ".join(shown(instance, holder) for holder in holders) or "another run"


def shown(instance: dg.DagsterInstance, run_id: str) -> str:
    """Return a run as people know it: its id's first digits, its dataset and where it is from."""
    run = instance.get_run_by_id(run_id)
    if run is None:
        return f"run {run_id[:8]}"
    of = run.tags.get("dagster/partition")
    how = run.tags.get("sluice/trigger")
    return f"run {run_id[:8]}" + (f" of {of}" if of else "") + (f" ({how})" if how else "")
