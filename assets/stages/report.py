"""One HTML page a dataset."""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from assets.display.report_data import gather
from assets.lineage.stage import Outcome, Reading, Run, Stage, name_of, stage
from assets.lineage.task import Task
from resources.lake import Lake
from resources.paths import home
from resources.store import records
from sluice.core.digests import digest
from sluice.core.drafts import draft
from sluice.reports.page import render

VERSION = "1"


def report_path(dataset: str) -> Path:
    """Return where a dataset's page lies."""
    return home() / "reports" / f"{dataset}.html"


def write_report(read: Reading, path: Path) -> str:
    """Write a dataset's page, whole or not at all, and return its text."""
    page = render(gather(read.lake, read.task, read.dataset, read.config))
    path.parent.mkdir(parents=True, exist_ok=True)
    with draft(path) as hidden:
        hidden.write_text(page, encoding="utf-8")
        hidden.replace(path)
    return page


def report(
    scores: Sequence[str] = (), also: Sequence[str] = (), shows_made: Sequence[str] = ()
) -> Stage:
    """Return the stage `report`.

    Parameters
    ----------
    scores : sequence of str
        Stages of scores that the page draws, where a dataset has them.
    also : sequence of str
        What else it shows.
    shows_made : sequence of str
        What it shows where it has been made by a run on demand.
    """
    return stage(
        "report",
        shows=("instances", "map", *scores, *also),
        shows_made=shows_made,
        kinds=("html", "matplotlib"),
        version=VERSION,
        description=(
            "One self-contained HTML page: accuracy over budget, which methods do not beat "
            "random, the chosen rows and why each was kept, the model, the rejected rows, and "
            "what every stage cost."
        ),
        replaces=True,
        # A page that somebody removed is written again.
        is_valid=lambda run: report_path(run.dataset).exists(),
        after=_note_refresh,
    )(_page)


def _page(run: Run) -> Outcome:
    path = report_path(run.dataset)
    page = write_report(run, path)
    return Outcome(
        content=digest(run.dataset, *sorted(_versions(run.lake, run.dataset, run.task))),
        total=1,
        new=1,
        metadata={
            "page": dg.MetadataValue.path(str(path)),
            "open": dg.MetadataValue.url(path.as_uri()),
            "characters": len(page),
        },
    )


def _versions(lake: Lake, dataset: str, task: Task) -> list[str]:
    own = name_of(task.key("report"))
    known = records.latest(lake, dataset)
    return [f"{name} {r.data_version}" for name, r in known.items() if name != own]


def _note_refresh(run: Run, result: dg.MaterializeResult) -> None:
    """Note for the raw-data sensor that the folder's state has been carried to the end.

    Only a run of all that the dataset asks for says so; one that made this page alone does not.
    """
    lake, dataset, selected = run.lake, run.dataset, run.context.run.asset_selection
    if selected is not None and not set(run.lineage.wanted(run.config)) <= selected:
        return
    state = run.record("instances").details["folder_digest"]
    if records.refreshed_digests(lake).get(dataset) != state:
        records.append_refresh(lake, dataset, state, run.context.run.run_id)
