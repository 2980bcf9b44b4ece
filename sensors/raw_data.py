"""Watches the folder of datasets and refreshes what differs from the last good refresh.

Level-triggered: it compares each folder's digest with the one that the lake says was last carried
through the whole lineage. So it also reruns when a file goes back to an earlier state and when the
last run failed, and it needs no run key, which Dagster would honour only once for ever.
"""

import json
import os
import time
from dataclasses import dataclass, field

import dagster as dg

from assets.lineages import LINEAGES
from jobs.lineages import REFRESHES, request
from resources.datasets import Datasets
from resources.dead_runs import fail_dead_runs
from resources.lake import Lake
from resources.locks import PARTITION_TAG
from resources.store import records
from sluice.data.files import folder_stamp, folder_version
from sluice.errors import printable, reason_of

INTERVAL = int(os.environ.get("SLUICE_SENSOR_SECONDS", "15"))
DIGEST_TAG = "sluice/folder_digest"
DIGEST_SECONDS = 3600
BACK_OFF_SECONDS = 60
LONGEST_BACK_OFF_SECONDS = 3600

_ACTIVE = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dataclass
class Memory:
    """What one tick tells the next, kept in the sensor's cursor."""

    stamps: dict[str, str] = field(default_factory=dict)
    digests: dict[str, tuple[str, str, float]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

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

    for run_id in fail_dead_runs(context.instance, lake.folder / "locks"):
        context.log.warning(f"Run {run_id} had ended without a word; it is marked as failed.")
    gone = sorted(set.union(*partitions.values()) - folders)
    drop = [name for name in gone if name in memory.missing]
    refreshed = records.refreshed_digests(lake)
    requests: dict[str, list[dg.RunRequest]] = {task: [] for task in LINEAGES}
    says: list[str] = [f"{name}: folder gone, partition dropped" for name in drop]
    after = Memory(missing=[name for name in gone if name not in drop])
    for name in names:
        try:
            task, asked = _refresh_of(context, datasets, name, memory, after, refreshed.get(name))
        except Exception as error:
            # Whatever is wrong with one dataset, the others are refreshed.
            reason = printable(f"{name}: {reason_of(error)}")
            context.log.error(f"Dataset {reason} It is left alone.")
            says.append(reason)
            continue
        if isinstance(asked, str):
            says.append(f"{name}: {asked}")
        else:
            requests[task].append(asked)
    asked_for = [run for runs in requests.values() for run in runs]
    return dg.SensorResult(
        run_requests=asked_for,
        skip_reason=None if asked_for else "; ".join(says) or "There is no dataset.",
        dynamic_partitions_requests=_changes(partitions, requests, drop),
        cursor=after.written(),
    )


def _changes(
    partitions: dict[str, set[str]], requests: dict[str, list[dg.RunRequest]], drop: list[str]
) -> list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest]:
    """Return the partitions that each task gains and loses."""
    changes: list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest] = []
    for name, lineage in LINEAGES.items():
        known, definition = partitions[name], lineage.task.partitions
        fresh = sorted({run.partition_key for run in requests[name] if run.partition_key} - known)
        if fresh:
            changes.append(definition.build_add_request(fresh))
        if known.intersection(drop):
            changes.append(definition.build_delete_request(sorted(known.intersection(drop))))
    return changes


def _refresh_of(
    context: dg.SensorEvaluationContext,
    datasets: Datasets,
    name: str,
    memory: Memory,
    after: Memory,
    refreshed: str | None,
) -> tuple[str, dg.RunRequest | str]:
    """Return a dataset's task and the run that it needs, or why it needs none now."""
    folder = datasets.folder / name
    stamp = folder_stamp(folder)
    after.stamps[name] = stamp
    if memory.stamps.get(name) != stamp:
        return "", "changed just now, waiting until it stands still"
    config, now = datasets.config(name), time.time()
    seen, digest, taken = memory.digests.get(name, ("", "", 0.0))
    # Not for ever: a stamp can miss what was written on a strange file system. Each dataset at
    # its own time, from half of it on, so that not all are read in one tick.
    longest = DIGEST_SECONDS * (1 + int(stamp[:8], 16) / 2**32) / 2
    if seen != stamp or abs(now - taken) > longest:
        version = folder_version(folder)
        config, digest, taken = version.config, version.digest, now
    after.digests[name] = (stamp, digest, taken)
    if digest == refreshed:
        return config.task, "up to date"
    waiting = _reason_to_wait(context.instance, name, digest)
    tags = {DIGEST_TAG: digest, "sluice/trigger": "raw_data"}
    return config.task, waiting or request(name, config, tags)


def _reason_to_wait(instance: dg.DagsterInstance, name: str, digest: str) -> str | None:
    """Return why no run may start now: one is under way, or the last ones just failed."""
    tags = {PARTITION_TAG: name}
    if instance.get_runs(dg.RunsFilter(tags=tags, statuses=_ACTIVE), limit=1):
        return "a run is under way"
    last = instance.get_run_records(
        dg.RunsFilter(tags={**tags, DIGEST_TAG: digest}), limit=8, ascending=False
    )
    failures = 0
    for run in last:
        if run.dagster_run.status != dg.DagsterRunStatus.FAILURE:
            break
        failures += 1
    if not failures:
        return None
    pause = min(BACK_OFF_SECONDS * 2 ** (failures - 1), LONGEST_BACK_OFF_SECONDS)
    left = (last[0].end_time or 0) + pause - time.time()
    if left > 0:
        return f"its last {failures} runs failed; trying again in {left:.0f} s"
    return None
