"""The lake: DuckLake tables behind short, serialised transactions.

With the SQLite catalogue (the default) every write holds an exclusive file lock and the catalogue
runs in WAL mode; without the first, writers collide, and without the second a reader that stays
open for seconds can make a writer's commit fail for good. With a Postgres catalogue the database
does both, and no lock file is taken.
"""

import importlib.util
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pyarrow as pa
from filelock import FileLock, Timeout
from pydantic import Field
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from resources.lock_holder import writer_of
from resources.paths import home
from resources.redaction import without_passwords
from resources.schema import TABLES
from resources.settled import SettledResource
from resources.sqlite_files import write_anew
from sluice.errors import SluiceError

Result = TypeVar("Result")

MOST_ATTEMPTS = 12

_CONNECTIONS: dict[tuple[str, str], duckdb.DuckDBPyConnection] = {}
# By thread. Making a cursor costs as much as a small query.
_CURSORS: dict[tuple[str, str], dict[int, duckdb.DuckDBPyConnection]] = {}
_GUARD = threading.Lock()


class LakeError(SluiceError):
    """The lake cannot be read or written."""


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
        default="", description="Folder or object-store prefix of the Parquet files."
    )

    @property
    def folder(self) -> Path:
        """Folder of the catalogue, the locks and, by default, the data."""
        return Path(self.root).resolve() if self.root else home() / "lake"

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

    def _writer_lock(self, wait: float = -1) -> AbstractContextManager[Any]:
        # A Postgres catalogue serialises its own writers, also those of other machines.
        return nullcontext() if self.catalog else FileLock(self.folder / "writer.lock", wait)

    def _connect(self, wait: float) -> duckdb.DuckDBPyConnection:
        self.folder.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect()
        # A second thread doubles the CPU time of a small query, and most are small.
        connection.execute(f"SET threads = {self.threads}")
        # Times of records order them: they must not jump when clocks are put back.
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        scanner = "postgres_scanner" if self.catalog else "sqlite_scanner"
        for extension in (scanner, "ducklake"):
            connection.execute(f"LOAD '{_extension_file(extension)}'")
        data = self.data_path or str(self.folder / "data")
        if self.catalog:
            target, options = f"ducklake:postgres:{self.catalog}", ""
        else:
            target = f"ducklake:sqlite:{self.folder / 'catalog.sqlite'}"
            options = ", META_JOURNAL_MODE 'WAL', META_BUSY_TIMEOUT 5000"
        with self._writer_lock(wait):
            connection.execute(
                f"ATTACH '{_quoted(target)}' AS lake (DATA_PATH '{_quoted(data)}'{options})"
            )
            # In one transaction: with one for each table it takes three times as long.
            connection.execute("BEGIN")
            _add_what_is_missing(connection)
            connection.execute("COMMIT")
        return connection

    def _translated(self, attempt: Callable[[], Result]) -> Result:
        retrying = Retrying(
            retry=retry_if_exception(_is_busy),
            stop=stop_after_attempt(MOST_ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.05, max=2.0),
            reraise=True,
        )
        try:
            return retrying(attempt)
        except (duckdb.Error, OSError) as error:
            without_passwords(error, self.catalog)
            raise LakeError(_explanation(error, self.folder)) from error


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


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _rollback(cursor: duckdb.DuckDBPyConnection) -> None:
    try:
        cursor.execute("ROLLBACK")
    except duckdb.Error:
        # A commit that failed has ended the transaction already.
        return


def _is_busy(error: BaseException) -> bool:
    """Whether the whole transaction may be tried again.

    A COMMIT that itself reports a lock is not among them: the catalogue may hold it for good.
    """
    text = str(error)
    return (
        isinstance(error, duckdb.Error)
        and 'execute query "COMMIT"' not in text
        and ("database is locked" in text or "Transaction conflict" in text)
    )


def _explanation(error: Exception, folder: Path) -> str:
    if isinstance(error, Timeout):
        return (
            f"The lake {folder} is being written by {writer_of(folder)} and did not become free "
            "in time. Try again later; if that process hangs, end it first."
        )
    text = str(error)
    lowered = text.lower()
    if "no space left" in lowered or "disk full" in lowered or "disk is full" in lowered:
        return (
            f"The disk that holds the lake {folder} is full. Nothing of this step was kept and "
            f"nothing else was touched; free some space and run again. ({text})"
        )
    if any(word in lowered for word in ("read-only", "readonly", "permission denied")):
        return (
            f"The lake {folder} cannot be written. Make the folder writable for this user, or "
            f"set SLUICE_HOME to one that is, and run again; nothing was changed. ({text})"
        )
    if "database is locked" in lowered:
        return (
            f"The catalogue of the lake {folder} stayed locked by another process. Wait for that "
            f"process or end it, and run again; nothing of this step was kept. ({text})"
        )
    return f"The lake {folder} could not be used: {text}"
