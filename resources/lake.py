"""The lake: DuckLake tables behind short, serialised transactions.

With the SQLite catalogue (the default) every write holds an exclusive file lock and the catalogue
runs in WAL mode; without the first, writers collide, and without the second a reader that stays
open for seconds can make a writer's commit fail for good. With a Postgres catalogue every write
holds an advisory lock of its database, which other machines see too.

DuckLake itself would try a commit again on top of what others committed meanwhile, without asking
again what is there already: two writers of the same rows would both store them. So its own retry
is off, and the whole transaction is tried again here.
"""

import importlib.util
import logging
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pyarrow as pa
from filelock import FileLock, Timeout
from pydantic import Field
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

from resources import fences, lake_identity, postgres_locks
from resources.lake_errors import LakeError, explanation, is_busy
from resources.lock_holder import locker_of, writer_of
from resources.paths import home
from resources.postgres_locks import SAY_AFTER
from resources.redaction import without_passwords
from resources.schema import TABLES
from resources.settled import SettledResource
from resources.sql import literal
from resources.sqlite_files import write_anew

__all__ = ["Lake", "LakeError"]

logger = logging.getLogger("sluice.stage")

Result = TypeVar("Result")

# Seconds between two tries on a busy catalogue.
LONGEST_PAUSE = 2.0

_CONNECTIONS: dict[tuple[str, str], duckdb.DuckDBPyConnection] = {}
# By thread. Making a cursor costs as much as a small query.
_CURSORS: dict[tuple[str, str], dict[int, duckdb.DuckDBPyConnection]] = {}
_GUARD = threading.Lock()


class Lake(SettledResource):
    """Row store of every stage, as DuckLake tables."""

    root: str = Field(
        default="", description="Folder of the catalogue and the data; default `.sluice/lake`."
    )
    catalog: str = Field(
        default="",
        description="Empty for the SQLite catalogue, or a libpq string of a Postgres catalogue, "
        "for example `dbname=lake host=127.0.0.1`; the password may be in PGPASSWORD or .pgpass.",
    )
    threads: int = Field(default=1, description="Threads of DuckDB in this process.")
    data_path: str = Field(
        default="",
        description="Folder or object-store prefix of the Parquet files; with a Postgres catalogue "
        "one that all machines share.",
    )
    wait: float = Field(
        default=120.0,
        ge=0,
        description="Seconds to wait for a catalogue that another program keeps locked.",
    )

    @property
    def folder(self) -> Path:
        """Folder of the catalogue, the locks and, by default, the data."""
        return Path(self.root).resolve() if self.root else home() / "lake"

    @property
    def data(self) -> str:
        """Folder or object-store prefix of the data files."""
        if lake_identity.is_remote(self.data_path):
            return self.data_path
        return str(Path(self.data_path).resolve()) if self.data_path else str(self.folder / "data")

    def read(
        self,
        sql: str,
        parameters: list[Any] | None = None,
        given: dict[str, pa.Table] | None = None,
    ) -> pa.Table:
        """Run one query, with the Arrow tables `given` by name, and return its rows."""

        def query() -> pa.Table:
            cursor = self._cursor()
            # Within a transaction the catalogue is asked once, and not for every name again.
            cursor.execute("BEGIN")
            try:
                for name, table in (given or {}).items():
                    cursor.register(name, table)
                return cursor.execute(sql, parameters or []).to_arrow_table()
            finally:
                for name in given or {}:
                    cursor.unregister(name)
                _rollback(cursor)

        return self._translated(query)

    def write(self, work: Callable[[duckdb.DuckDBPyConnection], Result]) -> Result:
        """Run `work` in one transaction, alone, and commit it; all of it or nothing is kept.

        `work` may run more than once when the catalogue is busy, so it must do its own reading
        inside and have no effect outside of the lake.
        """

        def attempt() -> Result:
            cursor = self._cursor()
            with self._writer_lock():
                cursor.execute("BEGIN")
                try:
                    fences.check(cursor, self.identity)
                    result = work(cursor)
                    cursor.execute("COMMIT")
                except BaseException:
                    _rollback(cursor)
                    raise
                return result

        return self._translated(attempt)

    def maintain(self, statements: list[str]) -> None:
        """Run maintenance statements one by one, alone, each in a transaction of its own."""

        def work(cursor: duckdb.DuckDBPyConnection) -> None:
            for statement in statements:
                cursor.execute(statement)
            self._shrink_catalogue()

        self.alone(work)

    def alone(
        self, work: Callable[[duckdb.DuckDBPyConnection], Result], wait: float = -1
    ) -> Result:
        """Run `work`, whose statements commit one by one, while no other process writes.

        Raises
        ------
        LakeError
            If a writer holds the lake for more than `wait` seconds; below 0 it is waited for
            without end.
        """

        def attempt() -> Result:
            # First, and with the same patience: a new connection takes the lock for itself.
            cursor = self._cursor(wait)
            with self._writer_lock(wait):
                fences.check(cursor, self.identity)
                return work(cursor)

        return self._translated(attempt)

    def _shrink_catalogue(self) -> None:
        """Overwrite what was deleted from the SQLite catalogue, which holds small rows inline."""
        if self.catalog:
            return
        try:
            write_anew(self.folder / "catalog.sqlite")
        except TimeoutError:
            raise LakeError(
                f"The rows are deleted, but another process keeps the catalogue of the lake "
                f"{self.folder} in use, and its log may still hold them. End `sluice serve` and "
                "all runs: the log goes with the last of them."
            ) from None

    def check_locks(self) -> None:
        """Check that the locks which this process holds are its own still, before it acts outside.

        Raises
        ------
        LakeError
            If another machine has taken one: see `resources.fences`.
        """
        if self.catalog:
            self.write(lambda _: None)

    def snapshot(self) -> int:
        """Return the id of the lake's newest snapshot."""
        rows = self.read("SELECT id FROM ducklake_current_snapshot('lake')")
        return int(rows["id"][0].as_py())

    def close(self) -> None:
        """Close this process's connection to the lake."""
        with _GUARD:
            connection = _CONNECTIONS.pop(self.identity, None)
            for cursor in _CURSORS.pop(self.identity, {}).values():
                cursor.close()
        if connection is not None:
            connection.close()

    @property
    def identity(self) -> tuple[str, str]:
        """Catalogue and folder: two resources with the same are the same lake."""
        return (self.catalog, str(self.folder))

    def _cursor(self, wait: float = -1) -> duckdb.DuckDBPyConnection:
        """Return this thread's cursor."""
        thread = threading.get_ident()
        with _GUARD:
            if self.identity not in _CONNECTIONS:
                _CONNECTIONS[self.identity] = self._connect(wait)
                _CURSORS[self.identity] = {}
            cursors = _CURSORS[self.identity]
            if thread not in cursors:
                cursor = _CONNECTIONS[self.identity].cursor()
                cursor.execute("USE lake")
                cursors[thread] = cursor
            return cursors[thread]

    @contextmanager
    def _writer_lock(self, wait: float = -1) -> Generator[None]:
        """Be the only writer; while another is, say who after a few seconds."""
        if self.catalog:
            with postgres_locks.writing(self.catalog, wait):
                yield
            return
        lock = FileLock(self.folder / "writer.lock")
        short = SAY_AFTER if wait < 0 else min(wait, SAY_AFTER)
        try:
            lock.acquire(timeout=short)
        except Timeout:
            if short == wait:
                raise
            logger.warning(
                "The lake is being written by %s; waiting for it.", writer_of(self.folder)
            )
            lock.acquire(timeout=wait if wait < 0 else wait - short)
        try:
            yield
        finally:
            lock.release()

    def _connect(self, wait: float) -> duckdb.DuckDBPyConnection:
        self.folder.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect()
        # A second thread doubles the CPU time of a small query, and most are small.
        connection.execute(f"SET threads = {self.threads}")
        # Stored times are shown to people; without this they would be of the writer's time zone.
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        scanner = "postgres_scanner" if self.catalog else "sqlite_scanner"
        for extension in (scanner, "ducklake"):
            connection.execute(f"LOAD {literal(str(_extension_file(extension)))}")
        connection.execute("SET GLOBAL ducklake_max_retry_count = 0")
        with self._writer_lock(wait):
            self._attach(connection)
            lake_identity.settle(connection, self.data, self._called, shared=bool(self.catalog))
            # In one transaction: with one for each table it takes three times as long.
            connection.execute("BEGIN")
            _add_what_is_missing(connection)
            connection.execute("COMMIT")
        return connection

    @property
    def _called(self) -> str:
        """How the catalogue is called in messages; never by its string, which has a password."""
        return "in Postgres" if self.catalog else str(self.folder / "catalog.sqlite")

    def _attach(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Attach the lake, and make a new one only where nothing is left of another."""
        if self.catalog:
            target, options = f"ducklake:postgres:{self.catalog}", ""
        else:
            target = f"ducklake:sqlite:{self.folder / 'catalog.sqlite'}"
            options = ", META_JOURNAL_MODE 'WAL', META_BUSY_TIMEOUT 5000"
        if not lake_identity.is_remote(self.data):
            # The catalogue names its files by their place within the data folder, and the
            # identity tells whether it is the right one: the folder may have been moved.
            options += ", OVERRIDE_DATA_PATH true"
        attach = f"ATTACH {literal(target)} AS lake (DATA_PATH {literal(self.data)}{options}"
        try:
            connection.execute(f"{attach}, CREATE_IF_NOT_EXISTS false)")
        except duckdb.Error as error:
            if "does not exist" not in str(error):
                raise
            lake_identity.check_none_there(connection, self.data, self._called)
            connection.execute(f"{attach})")

    def _translated(self, attempt: Callable[[], Result]) -> Result:
        began, said = time.monotonic(), False

        def over(_: RetryCallState) -> bool:
            return time.monotonic() - began > self.wait

        def say(state: RetryCallState) -> None:
            nonlocal said
            if not said and time.monotonic() - began > SAY_AFTER and state.outcome is not None:
                said = True
                if "database is locked" in str(state.outcome.exception()):
                    logger.warning(
                        "The catalogue of the lake is locked by %s; waiting for it for up to "
                        "%.0f s.",
                        locker_of(self.folder),
                        self.wait,
                    )

        retrying = Retrying(
            retry=retry_if_exception(is_busy),
            stop=over,
            wait=wait_random_exponential(multiplier=0.05, max=LONGEST_PAUSE),
            before_sleep=say,
            reraise=True,
        )
        try:
            return retrying(attempt)
        except (duckdb.Error, OSError) as error:
            without_passwords(error, self.catalog)
            raise LakeError(explanation(error, self.folder)) from error


def _add_what_is_missing(connection: duckdb.DuckDBPyConnection) -> None:
    """Create tables, and add to older ones the columns that have been introduced since."""
    present: dict[str, set[str]] = {}
    for table, column in connection.execute(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = 'lake'"
    ).fetchall():
        present.setdefault(table, set()).add(column)
    for table, columns in TABLES.items():
        if table not in present:
            connection.execute(f"CREATE TABLE lake.{table} ({columns})")
            continue
        for column in columns.split(", "):
            if column.split()[0] not in present[table]:
                connection.execute(f"ALTER TABLE lake.{table} ADD COLUMN {column}")


def _extension_file(name: str) -> Path:
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    if spec is None or spec.origin is None:
        raise LakeError(
            f"The package duckdb-extension-{name.replace('_', '-')} is missing; "
            "run `make setup` again."
        )
    return next(Path(spec.origin).parent.glob("extensions/*/*.duckdb_extension"))


def _rollback(cursor: duckdb.DuckDBPyConnection) -> None:
    try:
        cursor.execute("ROLLBACK")
    except duckdb.Error:
        # A commit that failed has ended the transaction already.
        return
