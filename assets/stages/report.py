"""One HTML page a dataset."""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from assets.lineage.stage import Outcome, name_of, run_stage
from assets.lineage.task import Task
from assets.stages.report_data import gather
from resources.datasets import Datasets
from resources.lake import Lake
from resources.locks import DatasetLock
from resources.paths import home
from resources.store import records
from sluice.core.digests import digest
from sluice.core.drafts import draft
from sluice.data.config import DatasetConfig
from sluice.reports.page import render

VERSION = "1"


def report_path(dataset: str) -> Path:
    """Return where a dataset's page lies."""
    return home() / "reports" / f"{dataset}.html"


def write_report(lake: Lake, task: Task, datasets: Datasets, dataset: str, path: Path) -> str:
    """Write a dataset's page, whole or not at all, and return its text."""
    page = render(gather(lake, task, dataset, datasets.config(dataset)))
    path.parent.mkdir(parents=True, exist_ok=True)
    with draft(path) as hidden:
        hidden.write_text(page, encoding="utf-8")
        hidden.replace(path)
    return page


def report_asset(
    task: Task,
    scores: Sequence[str],
    also: Sequence[dg.AssetKey] = (),
    *,
    evaluated: bool = True,
    where_there: Sequence[dg.AssetKey] = (),
) -> dg.AssetsDefinition:
    """Build the asset `[task, report]`.

    Parameters
    ----------
    task : Task
    scores : sequence of str
        Scores that the page draws, where a dataset has them.
    also : sequence of AssetKey
        What else it shows.
    evaluated : bool
        Whether the task's subsets are evaluated in the same run.
    where_there : sequence of AssetKey
        What it shows where it has been made by a run apart.
    """
    may_read = [task.key("instances"), task.key("map")]
    if evaluated:
        may_read += [task.key("evaluations", "comparison"), task.key("models", "champion")]
    may_read += [*map(task.score_key, scores), *also]
    may_read = list(dict.fromkeys(may_read))

    @task.asset(
        "report",
        deps=[*may_read, *where_there],
        kinds={"html", "matplotlib"},
        version=VERSION,
        description=(
            "One self-contained HTML page: accuracy over budget, which methods do not beat "
            "random, the chosen rows and why each was kept, the model, the rejected rows, and "
            "what every stage cost."
        ),
    )
    def report(
        context: dg.AssetExecutionContext, lake: Lake, datasets: Datasets, lock: DatasetLock
    ) -> dg.MaterializeResult:
        dataset = context.partition_key
        wanted = _wanted(datasets.config(dataset))
        path = report_path(dataset)

        def run(previous: records.Record | None) -> Outcome:
            page = write_report(lake, task, datasets, dataset, path)
            return Outcome(
                content=digest(dataset, *sorted(_versions(lake, dataset, task))),
                total=1,
                new=1,
                metadata={
                    "page": dg.MetadataValue.path(str(path)),
                    "open": dg.MetadataValue.url(path.as_uri()),
                    "characters": len(page),
                },
            )

        made = records.latest(lake, dataset)
        there = [key for key in where_there if name_of(key) in made and made[name_of(key)].stands]
        result = run_stage(
            context,
            lake,
            inputs=[*(key for key in may_read if key in wanted), *there],
            version=VERSION,
            parameters={},
            compute=run,
            replaces=True,
            # A page that somebody removed is written again.
            stands=path.exists(),
        )
        _note_refresh(context, lake, task, datasets, dataset)
        return result

    return report


def _versions(lake: Lake, dataset: str, task: Task) -> list[str]:
    own = name_of(task.key("report"))
    known = records.latest(lake, dataset)
    return [f"{name} {r.data_version}" for name, r in known.items() if name != own]


def _note_refresh(
    context: dg.AssetExecutionContext, lake: Lake, task: Task, datasets: Datasets, dataset: str
) -> None:
    """Note for the raw-data sensor that the folder's state has been carried to the end.

    Only a run of all that the dataset asks for says so; one that made this page alone does not.
    """
    selected = context.run.asset_selection
    if selected is not None and not _wanted(datasets.config(dataset)) <= selected:
        return
    record = records.latest(lake, dataset)[name_of(task.key("instances"))]
    state = record.details["folder_digest"]
    if records.refreshed_digests(lake).get(dataset) != state:
        records.append_refresh(lake, dataset, state, context.run.run_id)


def _wanted(config: DatasetConfig) -> set[dg.AssetKey]:
    # Not at the top: that module is made of this asset and the others.
    from assets.lineage.lineages import lineage_of

    return set(lineage_of(config).wanted(config))
