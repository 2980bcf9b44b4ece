"""Watches the folder of datasets and refreshes what differs from the last good refresh.

Level-triggered: it compares each folder's digest with the one that the lake says was last carried
through the whole lineage. So it also reruns when a file goes back to an earlier state and when the
last run failed, and it needs no run key, which Dagster would honour only once for ever.
"""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import dagster as dg

from assets.lineages import LINEAGES
from jobs.asked_for import DIGEST_TAG, Past
from jobs.lineages import JOB_NAMES, LOW_PRIORITY, REFRESHES, request
from resources.cancelling import ACTIVE, cancel
from resources.datasets import Datasets
from resources.lake import Lake
from resources.locks import PARTITION_TAG
from resources.orphaned_runs import fail_dead_runs
from resources.run_watch import shown
from resources.shipped import shipped
from resources.store import records
from sluice.core.errors import printable, reason_of
from sluice.data.ingest.files import folder_stamp, folder_version

INTERVAL = int(os.environ.get("SLUICE_SENSOR_SECONDS", "15"))
DIGEST_SECONDS = 3600
BACK_OFF_SECONDS = 60
LONGEST_BACK_OFF_SECONDS = 3600


@dataclass
class Memory:
    """What one tick tells the next, kept in the sensor's cursor."""

    stamps: dict[str, str] = field(default_factory=dict)
    digests: dict[str, tuple[str, str, float]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    # The state of the folder of those whose run was cancelled: old runs are removed some day.
    cancelled: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: str | None) -> "Memory":
        """Read a cursor; an unreadable one starts anew, which costs one tick."""
        try:
            read = cls(**json.loads(cursor or "{}"))
            read.digests = {
                name: (str(stamp), str(digest), float(taken))
                for name, (stamp, digest, taken) in read.digests.items()
            }
        except (TypeError, ValueError, AttributeError):
            return cls()
        return read

    def written(self) -> str:
        """Return the cursor's text."""
        return json.dumps(vars(self))


@dg.sensor(
    name="raw_data",
    jobs=REFRESHES,
    minimum_interval_seconds=INTERVAL,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Adds a partition for each new dataset folder, refreshes a dataset whose files or "
        "dataset.yaml differ from the last good refresh, and drops the partition of a folder that "
        "is gone. Waits until the files have stood still for two ticks."
    ),
)
def raw_data(
    context: dg.SensorEvaluationContext, lake: Lake, datasets: Datasets
) -> dg.SensorResult:
    """Compare the datasets with what was last refreshed."""
    memory = Memory.read(context.cursor)
    partitions = {task: set(context.instance.get_dynamic_partitions(task)) for task in LINEAGES}
    try:
        folders, names = set(datasets.folders()), datasets.names()
    except OSError as error:
        reason = f"The folder of datasets {datasets.folder} cannot be read ({error}); kept all."
        return dg.SensorResult(skip_reason=reason, cursor=context.cursor)

    for run_id in fail_dead_runs(context.instance, lake):
        context.log.warning(f"Run {run_id} had ended without a word; it is marked as failed.")
    look = Look(context, datasets, memory, records.refreshed_digests(lake))
    gone = sorted(set.union(*partitions.values(), look.active) - folders)
    drop = [name for name in gone if name in memory.missing]
    says: list[str] = [f"{name}: folder gone, partition dropped" for name in drop]
    for name in drop:
        cancel(context.instance, look.active.get(name, []), "The dataset's folder is gone.")
    look.after.missing = [name for name in gone if name not in drop]
    requests: list[dg.RunRequest] = []
    tasks: dict[str, str] = {}
    for name in names:
        try:
            task, asked = look.refresh_of(name)
        except Exception as error:
            # Whatever is wrong with one dataset, the others are refreshed.
            reason = printable(f"{name}: {reason_of(error)}")
            context.log.error(f"Dataset {reason} It is left alone.")
            says.append(reason)
            continue
        if task:
            tasks[name] = task
        if isinstance(asked, str):
            says.append(f"{name}: {asked}")
        else:
            requests.append(asked)
    # What a person has added or changed comes before the examples that come with Sluice.
    requests.sort(key=lambda run: -int(run.tags.get("dagster/priority", "0")))
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else "; ".join(says) or "There is no dataset.",
        dynamic_partitions_requests=_changes(partitions, tasks, drop),
        cursor=look.after.written(),
    )


def _changes(
    partitions: dict[str, set[str]], tasks: dict[str, str], drop: list[str]
) -> list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest]:
    """Return the partitions that each task gains and loses.

    A dataset is one of the task that it names, and of no other that it named before.
    """
    changes: list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest] = []
    for task, lineage in LINEAGES.items():
        known, definition = partitions[task], lineage.task.partitions
        fresh = {name for name, own in tasks.items() if own == task} - known
        stale = {name for name in known if name in drop or tasks.get(name, task) != task}
        if fresh:
            changes.append(definition.build_add_request(sorted(fresh)))
        if stale:
            changes.append(definition.build_delete_request(sorted(stale)))
    return changes


class Look:
    """One tick's look at the datasets: what each needs now, or why it needs nothing."""

    def __init__(
        self,
        context: dg.SensorEvaluationContext,
        datasets: Datasets,
        memory: Memory,
        refreshed: dict[str, str],
    ) -> None:
        self.instance, self.datasets = context.instance, datasets
        self.memory, self.after = memory, Memory()
        self.refreshed, self.shipped = refreshed, shipped(datasets.folder)
        self.active = _active_runs(context.instance)

    def refresh_of(self, name: str) -> tuple[str, dg.RunRequest | str]:
        """Return a dataset's task and the run that it needs, or why it needs none now."""
        folder = self.datasets.folder / name
        stamp = folder_stamp(folder)
        self.after.stamps[name] = stamp
        if self.memory.stamps.get(name) != stamp:
            return "", "changed just now, waiting until it stands still"
        config, now = self.datasets.config(name), time.time()
        seen, digest, taken = self.memory.digests.get(name, ("", "", 0.0))
        # Not for ever: a stamp can miss what was written on a strange file system. Each dataset at
        # its own time, from half of it on, so that not all are read in one tick.
        longest = DIGEST_SECONDS * (1 + int(stamp[:8], 16) / 2**32) / 2
        if seen != stamp or abs(now - taken) > longest:
            version = folder_version(folder)
            config, digest, taken = version.config, version.digest, now
        self.after.digests[name] = (stamp, digest, taken)
        if digest == self.refreshed.get(name):
            return config.task, "up to date"
        waiting = self._reason_to_wait(name, digest)
        if waiting:
            return config.task, waiting
        tags = {DIGEST_TAG: digest, "sluice/trigger": "raw_data"}
        if self.shipped.get(name) == digest:
            tags |= LOW_PRIORITY
        return config.task, request(name, config, tags)

    def _reason_to_wait(self, name: str, digest: str) -> str | None:
        """Return why no run may start now, if there is a reason."""
        if name in self.active:
            return self._under_way(self.active[name])
        past = Past.of(self.instance, name)
        held = past.cancelled(digest) if past.runs else self.memory.cancelled.get(name) == digest
        if held:
            self.after.cancelled[name] = digest
            return (
                "its run was cancelled; it waits for a change of the folder, for "
                f"`sluice run {name}` or for a launch in the UI"
            )
        if self.shipped.get(name) == digest and name not in self.refreshed and not past.runs:
            return (
                f"an example that comes with Sluice, carried when asked for: `sluice run {name}` "
                "or a launch in the UI"
            )
        failures, ended = past.failures(digest)
        pause = min(BACK_OFF_SECONDS * 2 ** (failures - 1), LONGEST_BACK_OFF_SECONDS)
        left = ended + pause - time.time()
        # A run that ended in the future ended before the clock was put back.
        if failures and 0 < left <= pause:
            return f"its last {failures} runs failed; trying again in {left:.0f} s"
        return None

    def _under_way(self, runs: Sequence[dg.DagsterRun]) -> str:
        """Say of a dataset's runs that one is under way, or for what it waits."""
        going = [run for run in runs if run.status != dg.DagsterRunStatus.QUEUED]
        if going:
            return f"a run is under way: {shown(self.instance, going[0].run_id)}"
        before = [
            shown(self.instance, run.run_id)
            for others in self.active.values()
            for run in others
            if run.status != dg.DagsterRunStatus.QUEUED
        ]
        behind = f" behind {' and '.join(before)}" if before else " for the daemon to start it"
        return f"its run waits in the queue{behind}"


def _active_runs(instance: dg.DagsterInstance) -> dict[str, list[dg.DagsterRun]]:
    """Return the runs of ours that have not ended, by dataset."""
    found: dict[str, list[dg.DagsterRun]] = {}
    for run in instance.get_runs(dg.RunsFilter(statuses=ACTIVE)):
        dataset = run.tags.get(PARTITION_TAG)
        if dataset and (run.job_name in JOB_NAMES or run.job_name.startswith("__ASSET_JOB")):
            found.setdefault(dataset, []).append(run)
    return found
