"""Old runs and models in MLflow that nothing names any more."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any

from resources.paths import home
from resources.sqlite_files import shrink
from resources.tracking import ASSET_TAG, RUN_TAG, Tracking

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

PREFIX = "sluice."
PAGE = 1000


@dataclass(frozen=True)
class Pruned:
    """How many runs and versions of models went, or why none was looked at."""

    runs: int = 0
    versions: int = 0
    left: str = ""


def prune(
    tracking: Tracking, before: datetime, named: Collection[str], under_way: Collection[str]
) -> Pruned:
    """Delete Sluice's runs that ended before a time, with their files and versions of models.

    A run stays that is `named`, is the newest of its asset of a dataset, has a version with any
    alias or stage, or one of a model that is not Sluice's own; so do all runs that Sluice has not
    made. A version goes before its run, the run's files before its record: what was interrupted is
    done by the next call, and nothing that is still named has lost its files.

    Parameters
    ----------
    tracking : Tracking
    before : datetime
    named : collection of str
        Runs that the lake or a page refers to.
    under_way : collection of str
        Dagster runs that have not ended; what they log stays.

    Returns
    -------
    Pruned
        Only a database below Sluice's own folder is looked at: of another one it is not known
        who else refers to its runs.
    """
    database = tracking.database
    if database is None or not database.is_relative_to(home()):
        return Pruned(left="MLflow's runs are kept elsewhere and were left alone.")
    if not database.exists():
        return Pruned()
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return _pruned(tracking, database, before, named, under_way)
    except (MlflowException, SQLAlchemyError) as error:
        return Pruned(left=f"MLflow's runs could not be looked through: {error}")


def _pruned(
    tracking: Tracking,
    database: Path,
    before: datetime,
    named: Collection[str],
    under_way: Collection[str],
) -> Pruned:
    client = tracking.client()
    runs = list(_runs(client))
    kept = {*named, *_newest(runs)}
    versions = _versions(client, kept)
    old = [
        run
        for run in runs
        if run.info.run_id not in kept
        and run.data.tags[RUN_TAG] not in under_way
        and (run.info.end_time or run.info.start_time) < before.timestamp() * 1000
    ]
    count = sum(_delete_version(client, v) for r in old for v in versions[r.info.run_id])
    if old:
        _delete_runs(tracking, client, old)
        shrink(database)
    return Pruned(len(old), count)


def _runs(client: "MlflowClient") -> Iterator["Run"]:
    """Return the runs that Sluice has made, also those marked as deleted."""
    from mlflow.entities import ViewType

    everywhere = client.search_experiments(ViewType.ALL, filter_string=f"name LIKE '{PREFIX}%'")
    while True:
        for experiment in everywhere:
            token = None
            while True:
                found = client.search_runs(
                    [experiment.experiment_id],
                    run_view_type=ViewType.ALL,
                    max_results=PAGE,
                    page_token=token,
                )
                yield from (run for run in found if {ASSET_TAG, RUN_TAG} <= {*run.data.tags})
                if not (token := found.token):
                    break
        if not everywhere.token:
            return
        everywhere = client.search_experiments(
            ViewType.ALL, filter_string=f"name LIKE '{PREFIX}%'", page_token=everywhere.token
        )


def _newest(runs: list["Run"]) -> set[str]:
    """Return the newest run of every asset of every dataset."""
    newest: dict[tuple[str, str], str] = {}
    for run in sorted(runs, key=lambda run: run.info.start_time):
        newest[run.info.experiment_id, run.data.tags[ASSET_TAG]] = run.info.run_id
    return set(newest.values())


def _versions(client: "MlflowClient", kept: set[str]) -> dict[str, list[Any]]:
    """Return Sluice's versions of models by run; add to `kept` the runs of those that must stay."""
    aliased = {
        (model.name, str(version))
        for model in _paged(client.search_registered_models)
        for version in model.aliases.values()
    }
    found: dict[str, list[Any]] = defaultdict(list)
    for version in _paged(client.search_model_versions):
        own = version.name.startswith(PREFIX)
        staged = version.current_stage not in (None, "", "None")
        if not own or staged or (version.name, str(version.version)) in aliased:
            kept.add(version.run_id)
        found[version.run_id].append(version)
    return found


def _paged(search: Any) -> Iterator[Any]:
    token = None
    while True:
        found = search(max_results=PAGE, page_token=token)
        yield from found
        if not (token := found.token):
            return


def _delete_version(client: "MlflowClient", version: Any) -> int:
    # MLflow would keep the tags for ever.
    for tag in version.tags:
        client.delete_model_version_tag(version.name, version.version, tag)
    client.delete_model_version(version.name, version.version)
    return 1


def _delete_runs(tracking: Tracking, client: "MlflowClient", runs: list["Run"]) -> None:
    """Delete runs for good: by themselves, MLflow's deletions only mark them.

    As `mlflow gc` does it, which would also delete for good what people have marked.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    store = SqlAlchemyStore(tracking.tracking_uri, str(home() / "mlflow" / "artifacts"))
    for run in runs:
        run_id, files = run.info.run_id, str(run.info.artifact_uri)
        if run.info.lifecycle_stage == "active":
            client.delete_run(run_id)
        # Nothing is there where a call before this one was interrupted.
        with suppress(MlflowException, FileNotFoundError):
            get_artifact_repository(files).delete_artifacts()
        if Path(files).parent.name == run_id:
            rmtree(Path(files).parent, ignore_errors=True)
        # MLflow's own `gc` calls it, too: there is no public way.
        store._hard_delete_run(run_id)  # pyright: ignore[reportPrivateUsage]
    store.engine.dispose()
