"""The alternative to the raw-data sensor: each asset is requested by its automation condition.

The condition cannot see files, so `raw_instances` looks at the folders, as the raw-data sensor
does, and asks for the instances alone; what follows from them is up to the condition. An observed
source asset would do too, but observing is a run, one every tick, and it adds no partition.
"""

import warnings
from typing import cast

import dagster as dg

from assets.lineage.stage import name_of
from assets.lineages import LINEAGES, lineage_of
from jobs.asked_for import DIGEST_TAG
from jobs.lineages import REFRESHES, request
from resources.datasets import Datasets
from resources.lake import Lake
from resources.store import records
from sensors.raw_data import INTERVAL, raw_data
from sluice.core.errors import reason_of

with warnings.catch_warnings():
    # In beta: conditions of our own are evaluated where our code is.
    warnings.simplefilter("ignore", dg.BetaWarning)
    automation = dg.AutomationConditionSensorDefinition(
        "automation",
        target=dg.AssetSelection.assets(
            *(asset.key for lineage in LINEAGES.values() for asset in lineage.assets)
        ),
        run_tags={"sluice/trigger": "automation"},
        default_status=dg.DefaultSensorStatus.STOPPED,
        minimum_interval_seconds=30,
        # One run a dataset, so that a dataset's lock and its limit of one run hold.
        emit_backfills=False,
        use_user_code_server=True,
        description=(
            "With `raw_instances`, the alternative to `raw_data`: requests the next assets whose "
            "inputs, method or dataset.yaml have changed, level by level, each level a run of its "
            "own, and says in the UI why. Slower than one run of the whole lineage. Switch "
            "`raw_data` off first: with both on, everything is run twice."
        ),
    )


@dg.sensor(
    name="raw_instances",
    jobs=REFRESHES,
    minimum_interval_seconds=INTERVAL,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description=(
        "For use with `automation`, in place of `raw_data`: adds and drops partitions like it, "
        "carries a new dataset through the whole lineage in one run, and of a changed dataset "
        "refreshes the instances alone."
    ),
)
def raw_instances(
    context: dg.SensorEvaluationContext, lake: Lake, datasets: Datasets
) -> dg.SensorResult:
    """Narrow what the raw-data sensor would ask for."""
    # The context carries the two resources.
    found = cast("dg.SensorResult", raw_data(context))
    kept: list[dg.RunRequest] = []
    for asked in found.run_requests or []:
        try:
            kept += _narrowed(lake, datasets, asked)
        except Exception as error:
            # Whatever is wrong with one dataset, the others are refreshed.
            context.log.error(f"Dataset {asked.partition_key} is left alone: {reason_of(error)}")
    return dg.SensorResult(
        run_requests=kept,
        skip_reason=None if kept else found.skip_reason or dg.SkipReason("Up to date."),
        cursor=found.cursor,
        dynamic_partitions_requests=found.dynamic_partitions_requests,
    )


def _narrowed(lake: Lake, datasets: Datasets, asked: dg.RunRequest) -> list[dg.RunRequest]:
    """Return the run of the instances alone, the whole run for a new dataset, or none."""
    dataset, state = str(asked.partition_key), asked.tags[DIGEST_TAG]
    config = datasets.config(dataset)
    instances = lineage_of(config).task.key("instances")
    record = records.latest(lake, dataset).get(name_of(instances))
    if record is None:
        return [asked]
    if record.stands and record.details["folder_digest"] == state:
        return []
    tags = {**asked.tags, "sluice/trigger": "raw_instances"}
    return [request(dataset, config, tags, [instances])]
