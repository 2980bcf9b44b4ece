"""Dagster's own record of runs: its events show rows of a dataset, so a purge takes them too.

Deleting a run in Dagster leaves its texts in several places: in the free pages of the run's own
SQLite file, which stays, in those of the index, and in each asset's cached last event.
"""

import shutil
import sqlite3
from pathlib import Path
from uuid import UUID

import dagster as dg
import sqlalchemy as sa
from dagster._core.storage.event_log import SqlEventLogStorage, SqliteEventLogStorage

from resources.locks import PARTITION_TAG
from resources.sqlite_files import write_anew
from sluice.errors import SluiceError


class HistoryError(SluiceError):
    """Dagster's record of runs cannot be cleaned now."""


def under_way(instance: dg.DagsterInstance, dataset: str) -> list[str]:
    """Return the ids of a dataset's runs that have not ended."""
    return [run.run_id for run in _runs(instance, dataset) if not run.is_finished]


def forget(instance: dg.DagsterInstance, dataset: str) -> int:
    """Delete every finished run of a dataset with its events and logs; return how many.

    Nothing that they said is left in a file below the instance's folder. A run's record goes
    last, so that an interrupted call can be repeated. With a Postgres storage the database frees
    the space itself.

    Raises
    ------
    HistoryError
        If another process keeps a database busy.
    """
    finished = [run.run_id for run in _runs(instance, dataset) if run.is_finished]
    for run_id in finished:
        instance.event_log_storage.delete_events(run_id)
        instance.compute_log_manager.delete_logs(prefix=[run_id])
    for run_id in finished:
        instance.delete_run(run_id)
    _forget_copies(instance)
    _remove_logs_of_unknown_runs(instance)
    storage = instance.event_log_storage
    if isinstance(storage, SqliteEventLogStorage):
        shards = Path(storage.path_for_shard("index")).parent
        _remove_files_of_unknown_runs(instance, shards)
        for path in Path(instance.root_directory).rglob("*.db"):
            if path.parent != shards or path.name == "index.db":
                _shrink(path)
    return len(finished)


def remove_tick_logs(instance: dg.DagsterInstance, dataset: str) -> None:
    """Remove the logs of sensors and schedules that name a dataset: they quote its failures."""
    folder = Path(instance.storage_directory())
    for path in folder.rglob("*") if folder.is_dir() else ():
        if path.is_file() and path.suffix in {".err", ".out"} and _names(path, dataset):
            path.unlink()


def empty_server_logs(folder: Path) -> None:
    """Empty the logs of `sluice serve`: they repeat what runs said, errors included.

    Emptied and not removed, because a server that is up goes on writing to them.
    """
    for path in folder.glob("*.log"):
        with path.open("r+b") as log:
            log.truncate(0)


def _runs(instance: dg.DagsterInstance, dataset: str) -> list[dg.DagsterRun]:
    return list(instance.get_runs(dg.RunsFilter(tags={PARTITION_TAG: dataset})))


def _forget_copies(instance: dg.DagsterInstance) -> None:
    """Drop what the index repeats of runs: each asset's last event, and results of checks.

    Dagster looks for an asset's last event among all events where the copy is missing.
    """
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return
    with storage.index_connection() as connection:
        connection.execute(
            sa.text("UPDATE asset_keys SET last_materialization = NULL, cached_status_data = NULL")
        )
        checked = connection.execute(sa.text("SELECT DISTINCT run_id FROM asset_check_executions"))
        for run_id in [row.run_id for row in checked if not instance.has_run(row.run_id)]:
            connection.execute(
                sa.text("DELETE FROM asset_check_executions WHERE run_id = :run"), {"run": run_id}
            )


def _remove_logs_of_unknown_runs(instance: dg.DagsterInstance) -> None:
    """Remove the logs of runs that somebody deleted in the UI, which leaves them."""
    folder = Path(instance.storage_directory())
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_dir() and _is_of_no_run(instance, path.name):
            shutil.rmtree(path)


def _remove_files_of_unknown_runs(instance: dg.DagsterInstance, shards: Path) -> None:
    """Remove the SQLite files of runs that are no more, also of those deleted in the UI."""
    for path in sorted(shards.glob("*.db")):
        if _is_of_no_run(instance, path.stem):
            for suffix in ("", "-wal", "-shm", "-journal"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)


def _is_of_no_run(instance: dg.DagsterInstance, name: str) -> bool:
    try:
        UUID(name)
    except ValueError:
        return False
    return not instance.has_run(name)


def _shrink(path: Path) -> None:
    """Write a SQLite database anew, without the free pages that hold what was deleted."""
    try:
        write_anew(path)
    except sqlite3.OperationalError as error:
        raise HistoryError(f"{path} cannot be written anew: {error}") from error
    except TimeoutError as error:
        raise HistoryError(
            f"{error}. End `sluice serve` and all runs, and purge again; the lake still holds "
            "every row."
        ) from None


def _names(path: Path, dataset: str) -> bool:
    return dataset.encode() in path.read_bytes()
