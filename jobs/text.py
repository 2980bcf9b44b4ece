"""Jobs over the `text` lineage: refresh what changed, or rebuild all of it."""

import dagster as dg

from assets.stage import REBUILD_TAG
from assets.text import ASSETS, TEXT, wanted
from resources.datasets import Datasets
from sluice.errors import SluiceError

SELECTION = dg.AssetSelection.assets(*(asset.key for asset in ASSETS))

refresh = dg.define_asset_job(
    "text_refresh",
    selection=SELECTION,
    description="Bring one dataset up to date; stages whose inputs did not change do nothing.",
)

rebuild = dg.define_asset_job(
    "text_rebuild",
    selection=SELECTION,
    run_tags={REBUILD_TAG: "true"},
    description=(
        "Compute every stage of one dataset again. Stored vectors are read again and not made "
        "again: the last bits of a vector depend on its batch."
    ),
)


def request(dataset: str, keys: list[dg.AssetKey], tags: dict[str, str]) -> dg.RunRequest:
    """Ask for one run that refreshes one dataset."""
    return dg.RunRequest(
        job_name=refresh.name, partition_key=dataset, asset_selection=keys, tags=tags
    )


@dg.schedule(
    job=refresh,
    cron_schedule="0 3 * * *",
    name="nightly",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Refreshes every dataset at 03:00; what did not change costs next to nothing.",
)
def nightly(
    context: dg.ScheduleEvaluationContext, datasets: Datasets
) -> list[dg.RunRequest] | dg.SkipReason:
    """Refresh every dataset that has a partition."""
    requests: list[dg.RunRequest] = []
    for dataset in context.instance.get_dynamic_partitions(TEXT.name):
        try:
            keys = wanted(datasets.config(dataset))
        except SluiceError as error:
            context.log.error(f"Dataset {dataset} is left out tonight: {error}")
            continue
        requests.append(request(dataset, keys, {"sluice/trigger": "nightly"}))
    return requests or dg.SkipReason("There is no dataset to refresh.")
