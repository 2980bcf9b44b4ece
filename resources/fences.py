"""Fencing numbers: whoever has lost a dataset's lock writes nothing more to a shared lake.

A machine may be paused for longer than its lock lives, and go on as if nothing had been. So each
time a lock is taken across machines its row in the table `fences` gets a new number, and every
transaction of the holder checks that this is the number still. The check and the change are one
transaction: where the number changes in between, the commit fails.
"""

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime

import duckdb

from resources.lake_errors import LakeError
from resources.postgres_locks import Advisory

# Locks that this process holds, with their numbers, by lake.
_HELD: dict[tuple[str, str], dict[str, tuple[int, Advisory]]] = {}


@contextmanager
def fenced(lake: tuple[str, str], lock: Advisory, number: int) -> Generator[None]:
    """Let every transaction on a lake within the block check that the lock is held still.

    Parameters
    ----------
    lake : tuple of (str, str)
        Identity of the lake resource.
    lock : Advisory
        The lock, taken.
    number : int
        What `take` returned.
    """
    held = _HELD.setdefault(lake, {})
    held[lock.name] = (number, lock)
    try:
        yield
    finally:
        held.pop(lock.name, None)


def take(cursor: duckdb.DuckDBPyConnection, name: str, holder: str) -> int:
    """Give a lock that was just taken its new number, within a transaction; return the number.

    It is that of the snapshot which this transaction becomes, so none comes twice.
    """
    found = cursor.execute("SELECT id FROM ducklake_current_snapshot('lake')").fetchone()
    number = int(found[0]) + 1 if found else 0
    since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    place = f"process {os.getpid()} on {socket.gethostname()}"
    cursor.execute("DELETE FROM fences WHERE lock = ?", [name])
    cursor.execute(
        "INSERT INTO fences VALUES (?, ?, ?)", [name, number, f"{holder} ({place}, since {since})"]
    )
    return number


def drop(cursor: duckdb.DuckDBPyConnection, name: str, number: int) -> None:
    """Take away the number of a lock that is given back, unless another has taken it since."""
    cursor.execute("DELETE FROM fences WHERE lock = ? AND number = ?", [name, number])


def check(cursor: duckdb.DuckDBPyConnection, lake: tuple[str, str]) -> None:
    """Check, within a transaction, that every lock that this process holds is held still.

    A lock whose connection was lost is taken again where nobody had it meanwhile.

    Raises
    ------
    LakeError
        If another machine has taken one.
    """
    for name, (number, lock) in _HELD.get(lake, {}).items():
        kept = lock.stands() or lock.try_now()
        found = cursor.execute("SELECT number, holder FROM fences WHERE lock = ?", [name])
        newest = found.fetchone()
        if kept and newest is not None and int(newest[0]) == number:
            continue
        lock.close()
        other = newest[1] if newest is not None and int(newest[0]) != number else "another run"
        raise LakeError(
            f"This run has lost its lock on {name}: its connection to the Postgres catalogue was "
            f"cut, and {other} has taken the lock meanwhile. Nothing of this step was written, and "
            "nothing more will be. Start the run again when the other has ended."
        )
