"""SQLite databases written anew, so that nothing deleted is left in their files."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

BUSY_SECONDS = 60.0


def shrink(path: Path, wait: float = 10.0) -> bool:
    """Give free pages back to the disk where they are a quarter of a database or more.

    Returns
    -------
    bool
        False where another process kept it in use: its free pages are filled again in any case.
    """
    try:
        with closing(sqlite3.connect(path, timeout=wait)) as database:
            free, pages = (
                database.execute(f"PRAGMA {what}").fetchone()[0]
                for what in ("freelist_count", "page_count")
            )
        if free * 4 >= pages > 0:
            write_anew(path, wait)
    except (TimeoutError, sqlite3.OperationalError):
        return False
    return True


def write_anew(path: Path, wait: float | None = None) -> None:
    """Drop the free pages of a database and empty its write-ahead log.

    Both need the database alone for a moment. SQLite reports a log that a reader keeps from being
    emptied as a row and not as an error, and what was deleted would stay in it.

    Raises
    ------
    TimeoutError
        If another process kept the database in use for `wait` seconds, or for `BUSY_SECONDS`.
    sqlite3.OperationalError
        If it cannot be written for another reason.
    """
    wait = BUSY_SECONDS if wait is None else wait
    until = time.monotonic() + wait
    with closing(sqlite3.connect(path, timeout=wait)) as database:
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
