"""One run at a time per dataset: a second one waits, and says for whom."""

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from filelock import FileLock, Timeout
from pydantic import PrivateAttr

from resources.held import held
from resources.lake import Lake
from resources.run_watch import watched

logger = logging.getLogger("sluice.stage")

PARTITION_TAG = "dagster/partition"


@contextmanager
def dataset_lock(folder: Path, dataset: str, holder: str) -> Iterator[None]:
    """Hold the lock of one dataset; while another holds it, say who and wait.

    The operating system lets go of the lock when its holder ends, however it ends.
    """
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / f"{dataset}.holder.json"
    lock = FileLock(folder / f"{dataset}.lock")
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
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["DatasetLock"]:
        """Take the lock of the run's partition, and let go when the run ends."""
        run = context.run
        dataset = run.tags.get(PARTITION_TAG, "") if run else ""
        if not dataset or not run or not context.instance:
            yield self
            return
        folder = self.lake.folder / "locks"
        with (
            watched(context.instance, run),
            dataset_lock(folder, dataset, f"run {run.run_id} of {run.job_name}"),
            held(self.lake, dataset),
        ):
            yield self
