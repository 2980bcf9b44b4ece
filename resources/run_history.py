"""Dagster's own record of runs: its events show rows of a dataset, so a purge takes them too.

Deleting a run in Dagster leaves its texts in several places: in the free pages of the run's own
SQLite file, which stays, in those of the index, and in each asset's cached last event.
"""

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

import dagster as dg
import sqlalchemy as sa
from dagster._core.storage.event_log import SqlEventLogStorage, SqliteEventLogStorage

from resources.locks import PARTITION_TAG
from resources.sqlite_files import shrink, write_anew
from sluice.core.errors import SluiceError

_FINISHED = [
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
]
_NOT_FINISHED = [status for status in dg.DagsterRunStatus if status not in _FINISHED]
LARGE_LOG = 10 * 2**20
# The last event of each kind of each asset and partition, and the last look of each check.
_LAST_SAID = (
    "SELECT run_id FROM event_logs WHERE id IN (SELECT max(id) FROM event_logs "
    "WHERE asset_key IS NOT NULL GROUP BY dagster_event_type, asset_key, partition)",
    "SELECT run_id FROM asset_check_executions WHERE id IN (SELECT max(id) "
    "FROM asset_check_executions GROUP BY asset_key, check_name, partition)",
)


class HistoryError(SluiceError):
    """Dagster's record of runs cannot be cleaned now."""


def under_way(instance: dg.DagsterInstance, dataset: str) -> list[str]:
    """Return the ids of a dataset's runs that have not ended."""
    return [run.run_id for run in _runs(instance, dataset) if not run.is_finished]


def all_under_way(instance: dg.DagsterInstance) -> set[str]:
    """Return the ids of all runs that have not ended."""
    return {run.run_id for run in instance.get_runs(dg.RunsFilter(statuses=_NOT_FINISHED))}


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
    _delete(instance, finished)
    _forget_copies(instance)
    _remove_leavings(instance)
    if isinstance(instance.event_log_storage, SqliteEventLogStorage):
        for path in _databases(instance, instance.event_log_storage):
            _shrink(path)
    return len(finished)


def prune(instance: dg.DagsterInstance, before: datetime) -> int:
    """Delete the runs that ended before a time, with their events, files and logs; return how many.

    Runs that have not ended stay, however old. So do the newest run of every job and dataset, and
    every run that was the last to say something of an asset of a dataset or of a check: Dagster
    takes from these what is up to date. A clock that runs ahead can thus never take everything,
    and with one that is behind runs seem younger, so fewer go. The last tick of a sensor or
    schedule stays, too. A run's record goes last: what was interrupted is done by the next call.

    Cost: some milliseconds a run, and a moment alone with each database that has shrunk.
    """
    needed = _newest(instance)
    old = [
        record.dagster_run.run_id
        for record in instance.get_run_records(dg.RunsFilter(statuses=_FINISHED))
        if record.dagster_run.run_id not in needed
        and (record.end_time or record.update_timestamp.timestamp()) < before.timestamp()
    ]
    _delete(instance, old)
    _prune_ticks(instance, before)
    _remove_leavings(instance)
    if isinstance(instance.event_log_storage, SqliteEventLogStorage):
        for path in _databases(instance, instance.event_log_storage):
            shrink(path)
    return len(old)


def remove_tick_logs(instance: dg.DagsterInstance, dataset: str) -> None:
    """Remove the logs of sensors and schedules that name a dataset: they quote its failures."""
    folder = Path(instance.storage_directory())
    for path in folder.rglob("*") if folder.is_dir() else ():
        if path.is_file() and path.suffix in {".err", ".out"} and _names(path, dataset):
            path.unlink()


def empty_server_logs(folder: Path, larger_than: int = 0) -> None:
    """Empty the logs of `sluice serve`: they repeat what runs said, errors included.

    Emptied and not removed, because a server that is up goes on writing to them.
    """
    for path in folder.glob("*.log"):
        if path.stat().st_size > larger_than:
            with path.open("r+b") as log:
                log.truncate(0)


def _runs(instance: dg.DagsterInstance, dataset: str) -> list[dg.DagsterRun]:
    return list(instance.get_runs(dg.RunsFilter(tags={PARTITION_TAG: dataset})))


def _delete(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> None:
    for run_id in run_ids:
        instance.event_log_storage.delete_events(run_id)
        instance.compute_log_manager.delete_logs(prefix=[run_id])
    for run_id in run_ids:
        instance.delete_run(run_id)


def _newest(instance: dg.DagsterInstance) -> set[str]:
    """Return the runs of which Dagster or a person may still ask, however old they are."""
    newest: dict[tuple[str, str | None], str] = {}
    for record in instance.get_run_records(ascending=True):
        run = record.dagster_run
        newest[run.job_name, run.tags.get(PARTITION_TAG)] = run.run_id
    found = set(newest.values())
    storage = instance.event_log_storage
    if isinstance(storage, SqlEventLogStorage):
        with storage.index_connection() as connection:
            for query in _LAST_SAID:
                found |= {row.run_id for row in connection.execute(sa.text(query))}
    return found


def _prune_ticks(instance: dg.DagsterInstance, before: datetime) -> None:
    """Delete the ticks of before a time, with their logs; the last of each stays."""
    storage = instance.schedule_storage
    if storage is None:
        return
    for state in instance.all_instigator_state():
        origin, selector = state.instigator_origin_id, state.selector_id
        last = storage.get_ticks(origin, selector, limit=1)
        if last:
            storage.purge_ticks(origin, selector, min(before.timestamp(), last[0].timestamp))
    if storage.supports_auto_materialize_asset_evaluations:
        storage.purge_asset_evaluations(before.timestamp())
    for path in _tick_logs(instance):
        if path.stat().st_mtime < before.timestamp():
            path.unlink(missing_ok=True)


def _tick_logs(instance: dg.DagsterInstance) -> Iterator[Path]:
    folder = Path(instance.storage_directory())
    for path in folder.rglob("*") if folder.is_dir() else ():
        run = path.relative_to(folder).parts[0]
        if path.suffix in {".err", ".out", ".complete"} and not _is_uuid(run) and path.is_file():
            yield path


def _databases(instance: dg.DagsterInstance, storage: SqliteEventLogStorage) -> list[Path]:
    """Return the databases of the instance's folder, without those of single runs."""
    shards = Path(storage.path_for_shard("index")).parent
    found = Path(instance.root_directory).rglob("*.db")
    return [path for path in found if path.parent != shards or path.name == "index.db"]


def _remove_leavings(instance: dg.DagsterInstance) -> None:
    """Remove what is left of runs that are no more, also of those deleted in the UI."""
    _forget_checks(instance)
    _remove_logs_of_unknown_runs(instance)
    storage = instance.event_log_storage
    if isinstance(storage, SqliteEventLogStorage):
        _remove_files_of_unknown_runs(instance, Path(storage.path_for_shard("index")).parent)


def _forget_copies(instance: dg.DagsterInstance) -> None:
    """Drop each asset's last event, which the index repeats.

    Dagster looks for it among all events where the copy is missing.
    """
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return
    with storage.index_connection() as connection:
        connection.execute(
            sa.text("UPDATE asset_keys SET last_materialization = NULL, cached_status_data = NULL")
        )


def _forget_checks(instance: dg.DagsterInstance) -> None:
    """Drop the results of checks of runs that are no more, which the index repeats."""
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return
    with storage.index_connection() as connection:
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
    return _is_uuid(name) and not instance.has_run(name)


def _is_uuid(name: str) -> bool:
    try:
        UUID(name)
    except ValueError:
        return False
    return True


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
