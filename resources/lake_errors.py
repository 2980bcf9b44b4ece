"""What goes wrong with the lake: what may be tried again, and what a person is told.

Every text about the lake that others raise (DuckDB, SQLite, PostgreSQL, the file system) passes
through `explanation`.
"""

from pathlib import Path

import duckdb
from filelock import Timeout

from resources.lock_holder import locker_of, writer_of
from sluice.core.errors import SluiceError


class LakeError(SluiceError):
    """The lake cannot be read or written."""


# The catalogue has a new snapshot since the transaction began, as SQLite and PostgreSQL say it.
_OVERTAKEN = (
    "unique constraint failed: ducklake_snapshot",
    "duplicate key value violates unique constraint",
)
_BUSY = (
    "database is locked",
    "transaction conflict",
    "could not serialize access",
    "deadlock detected",
    *_OVERTAKEN,
)


_UNWRITABLE = ("read-only", "readonly", "permission denied")
# As SQLite says it of a file that is no database, or of which a part is missing or overwritten.
_NO_CATALOGUE = (
    "file is not a database",
    "database disk image is malformed",
    "unable to open database",
)
# As DuckDB says it of a Parquet file that was cut or overwritten.
_NO_PARQUET = ("invalid footer length", "no magic bytes found", "too small to be a parquet file")


def is_busy(error: BaseException) -> bool:
    """Whether nothing was written, and the whole transaction may be tried again.

    In WAL mode SQLite reports a lock before the first row of a commit is written, when its
    reading transaction asks to become a writing one. Only without WAL can the statement COMMIT
    itself report one; sqlite_scanner then keeps the transaction and its locks open, so another
    try within this process would wait for itself. A lake is not opened without WAL, and that
    error is not tried again.
    """
    text = str(error).lower()
    return (
        isinstance(error, duckdb.Error)
        and 'execute query "commit"' not in text
        and any(sign in text for sign in _BUSY)
    )


def explanation(error: Exception, folder: Path) -> str:
    """Return what is told of an error of the lake in `folder`: what is wrong and what to do."""
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
    if any(word in lowered for word in _UNWRITABLE) or (
        isinstance(error, NotADirectoryError | FileNotFoundError | FileExistsError)
    ):
        return (
            f"The lake {folder} cannot be written. Make the folder writable for this user, or "
            f"set SLUICE_HOME to one that is, and run again; nothing was changed. ({text})"
        )
    if "database is locked" in lowered:
        return (
            f"The catalogue of the lake {folder} stayed locked by another process "
            f"({locker_of(folder)}). Wait for that process or end it, and run again; nothing of "
            f"this step was kept. ({text})"
        )
    if any(sign in lowered for sign in _OVERTAKEN):
        return (
            f"Others kept writing to the lake {folder}, and this step did not get its turn in "
            "time. Nothing of it was kept; run again."
        )
    if any(sign in lowered for sign in _NO_CATALOGUE):
        return (
            f"The catalogue of the lake {folder} cannot be opened: it is damaged, is no catalogue, "
            "or this user may not read it. Mend that, or restore it from a backup that was taken "
            f"together with the data files; nothing was changed. ({text})"
        )
    if any(sign in lowered for sign in _NO_PARQUET):
        return (
            f"A data file of the lake {folder} is damaged. Restore it from a backup; nothing was "
            f"changed. ({text})"
        )
    if "no such file" in lowered and ".parquet" in lowered:
        return (
            f"The catalogue of the lake {folder} names a data file that is not there. Restore the "
            f"folder of the data from the same backup as the catalogue. ({text})"
        )
    return f"The lake {folder} could not be used: {text}"
