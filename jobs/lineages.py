"""Jobs over each task's lineage: refresh what changed, or rebuild all of it.

A job cannot mix partitions of two kinds, and a schedule starts one job: each task has its own.
"""

from logging import Logger

import dagster as dg
from dagster import ScheduleEvaluationContext as Tick

from assets.lineage.stage import REBUILD_TAG
from assets.lineage.task import Lineage
from assets.lineages import LINEAGES, lineage_of
from jobs.asked_for import DIGEST_TAG, EVALUATIONS, Past
from resources.datasets import Datasets
from resources.lake import Lake
from resources.shipped import shipped
from resources.store import records
from sluice.core.errors import reason_of
from sluice.data.config import DatasetConfig
from sluice.data.ingest.files import folder_version

REFRESH, REBUILD = "refresh", "rebuild"
# What nobody waits for comes after what a person has added, changed or launched.
LOW_PRIORITY, LOWEST_PRIORITY = {"dagster/priority": "-1"}, {"dagster/priority": "-2"}


def job_name(task: str, what: str) -> str:
    """Return the name of a task's job, for example `text_refresh`."""
    return f"{task}_{what}"


def _selection(lineage: Lineage) -> dg.AssetSelection:
    on_demand = set(lineage.stages_on_demand)
    return dg.AssetSelection.assets(*(a.key for a in lineage.assets if a.key not in on_demand))


REFRESHES = [
    dg.define_asset_job(
        job_name(task, REFRESH),
        selection=_selection(lineage),
        description="Bring one dataset up to date; stages whose inputs did not change do nothing.",
    )
    for task, lineage in LINEAGES.items()
]
REBUILDS = [
    dg.define_asset_job(
        job_name(task, REBUILD),
        selection=_selection(lineage),
        run_tags={REBUILD_TAG: "true"},
        description=(
            "Compute every stage of one dataset again. Stored vectors are read again and not made "
            "again: the last bits of a vector depend on its batch. The encoder of a table is "
            "fitted anew, unless the run has the tag `sluice/keep_encoder: true`."
        ),
    )
    for task, lineage in LINEAGES.items()
]


APART = [
    dg.define_asset_job(
        job_name(task, EVALUATIONS),
        selection=dg.AssetSelection.assets(*lineage.stages_on_demand, lineage.task.key("report")),
        description=(
            "Train and measure a model on each subset of one dataset, which may take hours: the "
            "first stage says how many, and stops where they are too many."
        ),
    )
    for task, lineage in LINEAGES.items()
    if lineage.has_on_demand
]
JOB_NAMES = {job.name for job in (*REFRESHES, *REBUILDS, *APART)}


def request(
    dataset: str,
    config: DatasetConfig,
    tags: dict[str, str],
    keys: list[dg.AssetKey] | None = None,
    run_key: str | None = None,
) -> dg.RunRequest:
    """Ask for one run that refreshes a dataset: all that it asks for, or some assets of it."""
    lineage = lineage_of(config)
    return dg.RunRequest(
        run_key=run_key,
        job_name=job_name(lineage.task.name, REFRESH),
        partition_key=dataset,
        asset_selection=keys or lineage.wanted(config),
        tags=tags,
    )


def tonight(
    task: str, instance: dg.DagsterInstance, lake: Lake, datasets: Datasets, log: Logger
) -> list[dg.RunRequest]:
    """Return the nightly runs of a task: none for what was cancelled, or never asked for."""
    requests: list[dg.RunRequest] = []
    examples, refreshed = shipped(datasets.folder), records.refreshed_digests(lake)
    for dataset in instance.get_dynamic_partitions(task):
        try:
            version, past = folder_version(datasets.folder / dataset), Past.of(instance, dataset)
            config, digest = version.config, version.digest
            asked_for = past.runs or dataset in refreshed or examples.get(dataset) != digest
            if config.task == task and asked_for and not past.cancelled(digest):
                tags = {DIGEST_TAG: digest, "sluice/trigger": "nightly", **LOWEST_PRIORITY}
                # Of several runs of one tick each needs a key of its own.
                requests.append(request(dataset, config, tags, run_key=dataset))
        except Exception as error:
            # Whatever is wrong with one dataset, the others are refreshed.
            log.error(f"Dataset {dataset} is left out tonight: {reason_of(error)}")
    return requests


def _nightly(lineage: Lineage) -> dg.ScheduleDefinition:
    task = lineage.task.name

    @dg.schedule(
        job_name=job_name(task, REFRESH),
        cron_schedule="0 3 * * *",
        name=lineage.task.spec.schedule,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=(
            f"Refreshes every dataset of the task {task} at 03:00; what did not change costs next "
            "to nothing. Leaves out what somebody has cancelled, and shipped examples that nobody "
            "has run."
        ),
    )
    def nightly(
        context: Tick, lake: Lake, datasets: Datasets
    ) -> list[dg.RunRequest] | dg.SkipReason:
        """Refresh every dataset that has a partition of this task."""
        requests = tonight(task, context.instance, lake, datasets, context.log)
        return requests or dg.SkipReason("There is no dataset to refresh.")

    return nightly


SCHEDULES = [_nightly(lineage) for lineage in LINEAGES.values()]
