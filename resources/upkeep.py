"""Upkeep of all that Sluice writes: the lake, Dagster's record of runs, and MLflow's."""

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from resources import run_history, tracked_runs
from resources.lake import Lake
from resources.paths import home, searches_root, weights_roots
from resources.sqlite_files import shrink
from resources.store import superseded
from resources.store.maintenance import KEEP_DAYS, LONGEST_TRANSACTION, maintain
from resources.tracking import Tracking

MLFLOW_RUN = re.compile(r"\b[0-9a-f]{32}\b")


def upkeep(
    lake: Lake,
    tracking: Tracking,
    instance: dg.DagsterInstance,
    *,
    keep_days: int = KEEP_DAYS,
    keep_run_days: int | None = None,
    longest_transaction: timedelta = LONGEST_TRANSACTION,
) -> dict[str, Any]:
    """Remove what only the past needs and is older than what is asked for.

    Never removed, however old: rows, vectors and selections, runs under way, and the newest of
    each kind (see `run_history.prune`, `tracked_runs.prune` and `superseded.remove`).

    Parameters
    ----------
    lake : Lake
    tracking : Tracking
    instance : DagsterInstance
    keep_days : int
        Days of history of the lake.
    keep_run_days : int, optional
        Days of runs and models, in Dagster and in MLflow; by default `keep_days`.
    longest_transaction : timedelta
        Age from which a file of the lake that no kept state needs is removed.

    Returns
    -------
    dict
        That of `maintain`, with ``rows_removed``, ``runs_removed`` (Dagster's),
        ``mlflow_runs_removed``, ``models_removed`` and ``mlflow_left``, why MLflow was left alone.

    Raises
    ------
    LakeError
        If a writer holds the lake for too long.
    """
    now = datetime.now(UTC)
    runs_before = now - timedelta(days=keep_days if keep_run_days is None else keep_run_days)
    # Asked first: what ends meanwhile is not looked at, and the newest stays in any case.
    under_way = run_history.all_under_way(instance)
    rows = superseded.remove(lake, now - timedelta(days=keep_days))
    done = maintain(lake, keep_days=keep_days, longest_transaction=longest_transaction)
    if not lake.catalog:
        lake.alone(lambda _: shrink(lake.folder / "catalog.sqlite"))
    said = superseded.said_by_newest(lake)
    named = {run for text in said for run in MLFLOW_RUN.findall(text)}
    models = tracked_runs.prune(tracking, runs_before, named, under_way)
    runs = run_history.prune(instance, runs_before)
    _prune_files(said, min(runs_before, now - longest_transaction))
    run_history.empty_server_logs(home() / "logs", run_history.LARGE_LOG)
    return {
        **done,
        "rows_removed": rows,
        "runs_removed": runs,
        "mlflow_runs_removed": models.runs,
        "models_removed": models.versions,
        "mlflow_left": models.left,
    }


def _prune_files(said: list[str], before: datetime) -> None:
    """Remove weights that no newest record names, and searches that nobody has gone on with.

    A stage records its weights when it has made them; younger ones may not be on record yet.
    """

    def is_old(path: Path) -> bool:
        return path.stat().st_mtime < before.timestamp()

    for root in weights_roots():
        for folder in root.glob("[!.]*"):
            if is_old(folder) and not any(folder.name in text for text in said):
                shutil.rmtree(folder, ignore_errors=True)
    for search in searches_root().glob("[!.]*.npz"):
        if is_old(search):
            search.unlink(missing_ok=True)
