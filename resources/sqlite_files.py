"""SQLite databases written anew, so that nothing deleted is left in their files."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

BUSY_SECONDS = 60.0


def write_anew(path: Path) -> None:
    """Drop the free pages of a database and empty its write-ahead log.

    Both need the database alone for a moment. SQLite reports a log that a reader keeps from being
    emptied as a row and not as an error, and what was deleted would stay in it.

    Raises
    ------
    TimeoutError
        If another process kept the database in use for `BUSY_SECONDS`.
    sqlite3.OperationalError
        If it cannot be written for another reason.
    """
    until = time.monotonic() + BUSY_SECONDS
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as database:
        while True:
            try:
                database.execute("VACUUM")
                busy = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            except sqlite3.OperationalError as error:
                if "locked" not in str(error):
                    raise
                busy = 1
            if not busy:
                return
            if time.monotonic() > until:
                raise TimeoutError(f"{path} stayed in use by another process")
            time.sleep(0.2)
