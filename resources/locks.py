"""One run at a time per dataset: a second one waits, and says for whom.

On one machine a lock file keeps runs apart; with a Postgres catalogue an advisory lock of its
database does so across machines, with a number that shuts out whoever has lost it.
"""

import json
import logging
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from filelock import FileLock, Timeout
from pydantic import PrivateAttr

from resources import fences
from resources.lake import Lake
from resources.lake_errors import LakeError, explanation
from resources.postgres_locks import Advisory
from resources.run_cache import held
from resources.run_watch import watched
from sluice.data.config import check_folder_name

logger = logging.getLogger("sluice.stage")

PARTITION_TAG = "dagster/partition"


def lock_file(folder: Path, dataset: str) -> Path:
    """Return the file whose lock keeps runs of a dataset apart on this machine.

    Raises
    ------
    ConfigError
        If no dataset can have that name.
    """
    check_folder_name(dataset)
    return folder / f"{dataset}.lock"


@contextmanager
def dataset_lock(folder: Path, dataset: str, holder: str) -> Generator[None]:
    """Hold the lock of one dataset; while another holds it, say who and wait.

    The operating system lets go of the lock when its holder ends, however it ends.

    Raises
    ------
    ConfigError
        If no dataset can have that name: a run may be launched for any, and it becomes a path.
    LakeError
        If the folder cannot be made.
    """
    lock = FileLock(lock_file(folder, dataset))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LakeError(explanation(error, folder.parent)) from error
    note = folder / f"{dataset}.holder.json"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        logger.warning("Dataset %s is in use by %s; waiting for it.", dataset, _holder(note))
        lock.acquire()
        logger.warning("Dataset %s is free; going on.", dataset)
    try:
        since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        note.write_text(json.dumps({"holder": holder, "process": os.getpid(), "since": since}))
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


@contextmanager
def hold(lake: Lake, dataset: str, holder: str) -> Generator[None]:
    """Hold a dataset of a lake, on every machine that shares the lake; else as `dataset_lock`.

    Raises
    ------
    LakeError
        If the Postgres catalogue cannot be reached. Within the block every write raises it once
        the lock is lost to another machine.
    """
    with dataset_lock(lake.folder / "locks", dataset, holder):
        if not lake.catalog:
            yield
            return
        with _across_machines(lake, dataset, holder):
            yield


def lock_of(lake: Lake, dataset: str) -> Advisory:
    """Return the lock of a dataset across machines, not taken yet."""
    return Advisory(lake.catalog, f"dataset {dataset}")


@contextmanager
def _across_machines(lake: Lake, dataset: str, holder: str) -> Generator[None]:
    lock = lock_of(lake, dataset)

    def say(process: str) -> None:
        noted = lake.read("SELECT holder FROM fences WHERE lock = ?", [lock.name])["holder"]
        who = noted[0].as_py() if len(noted) else process
        logger.warning("Dataset %s is in use by %s; waiting for it.", dataset, who)

    try:
        lock.acquire(say=say)
        number = lake.write(lambda cursor: fences.take(cursor, lock.name, holder))
        try:
            with fences.fenced(lake.identity, lock, number):
                yield
        finally:
            # Where the database is gone, so is the lock, and the next one takes a new number.
            with suppress(LakeError):
                lake.write(lambda cursor: fences.drop(cursor, lock.name, number))
    finally:
        lock.close()


def _holder(note: Path) -> str:
    try:
        held = json.loads(note.read_text())
        return f"{held['holder']} (process {held['process']}, since {held['since']})"
    except (OSError, ValueError, KeyError):
        return "another run"


class DatasetLock(dg.ConfigurableResource):
    """Held from the first step of a run to its end; every asset of a lineage asks for it."""

    lake: dg.ResourceDependency[Lake]
    _dataset: str = PrivateAttr(default="")

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator["DatasetLock"]:
        """Take the lock of the run's partition, and let go when the run ends."""
        run = context.run
        dataset = run.tags.get(PARTITION_TAG, "") if run else ""
        if not dataset or not run or not context.instance:
            yield self
            return
        with (
            watched(context.instance, run),
            hold(self.lake, dataset, f"run {run.run_id} of {run.job_name}"),
            held(self.lake, dataset),
        ):
            yield self
