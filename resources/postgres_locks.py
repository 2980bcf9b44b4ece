"""Locks that hold across machines: PostgreSQL's advisory locks, where the catalogue is there.

A lock lives as long as the connection that took it. The server lets go of it when the connection
ends, also where a machine is gone without a word, which both sides notice by TCP's keepalives.
Whoever holds one must therefore ask `Advisory.stands` before relying on it, and what must never
happen twice is guarded within the lake's own transactions besides (`resources.fences`).
"""

import hashlib
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any

from resources.lake_errors import LakeError
from resources.redaction import redacted

logger = logging.getLogger("sluice.stage")

SAY_AFTER = 3.0
# Seconds after which a machine that went without a word is taken for gone: about a minute.
_IDLE, _INTERVAL, _COUNT = 30, 10, 3


class Advisory:
    """One advisory lock of the catalogue's database, on a connection of its own.

    Parameters
    ----------
    catalog : str
        How to reach the database, as libpq takes it.
    name : str
        What is locked; equal names of one database are one lock.
    """

    def __init__(self, catalog: str, name: str) -> None:
        self._catalog = catalog
        self.name = name
        self._key = int.from_bytes(hashlib.sha256(f"sluice {name}".encode()).digest()[:8]) - 2**63
        self._connection: Any = None
        self._process = 0

    def acquire(self, wait: float = -1, say: Callable[[str], None] | None = None) -> bool:
        """Take the lock; return whether it was had within `wait` seconds, without end below 0.

        While it is waited for, `say` is given once who holds it.

        Raises
        ------
        LakeError
            If the database cannot be reached.
        """
        errors = _psycopg().errors
        until = None if wait < 0 else time.monotonic() + wait
        if self.try_now():
            return True
        while True:
            left = SAY_AFTER if until is None else min(SAY_AFTER, until - time.monotonic())
            if left <= 0:
                return self.try_now()
            try:
                self._ask("SELECT set_config('lock_timeout', %s, false)", [f"{left:.3f}s"])
                self._ask("SELECT pg_advisory_lock(%s)", [self._key])
                return True
            except errors.LockNotAvailable:
                if say is not None:
                    say(self.holder())
                    say = None

    def try_now(self) -> bool:
        """Take the lock if it is free; return whether it was."""
        return bool(self._ask("SELECT pg_try_advisory_lock(%s)", [self._key])[0])

    def release(self) -> None:
        """Let go of the lock; the connection stays for the next time."""
        with suppress(LakeError):
            self._ask("SELECT pg_advisory_unlock(%s)", [self._key])

    def close(self) -> None:
        """Let go of the lock and of the connection."""
        if self._connection is not None and self._process == os.getpid():
            self._connection.close()
        self._connection = None

    def stands(self) -> bool:
        """Whether the connection that took the lock is there still, and so the lock is held."""
        if self._connection is None or self._process != os.getpid():
            return False
        try:
            self._connection.execute("SELECT 1")
        except _psycopg().Error:
            self.close()
            return False
        return True

    def holder(self) -> str:
        """Return which process holds the lock, and on which machine."""
        found = self._ask(
            "SELECT max(a.application_name) FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
            "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND a.datname = "
            "current_database() AND (l.classid::bigint << 32) + l.objid::bigint = %s",
            [self._key],
        )
        return found[0] or "another process"

    def _ask(self, sql: str, values: list[Any]) -> tuple[Any, ...]:
        """Run a query and return its one row; a connection that was lost is made anew once."""
        psycopg = _psycopg()
        for again in (True, False):
            try:
                if self._connection is None or self._process != os.getpid():
                    self._connection, self._process = _connected(self._catalog), os.getpid()
                return self._connection.execute(sql, values).fetchone()
            except psycopg.errors.LockNotAvailable:
                raise
            except psycopg.OperationalError as error:
                fresh = self._connection is None
                self.close()
                if fresh or not again:
                    raise LakeError(
                        "The Postgres catalogue of the lake cannot be reached: "
                        f"{redacted(str(error).strip(), self._catalog)}. Start the server or "
                        "correct the field catalog of the resource lake, and run again."
                    ) from None
        raise AssertionError("unreachable")


_WRITERS: dict[tuple[int, str], tuple[threading.Lock, Advisory]] = {}
_GUARD = threading.Lock()


@contextmanager
def writing(catalog: str, wait: float = -1) -> Generator[None]:
    """Be the one writer of a lake's catalogue within the block, of all threads and machines.

    Raises
    ------
    LakeError
        If another writer holds the lake for more than `wait` seconds (below 0: it is waited for
        without end), or the database cannot be reached.
    """
    with _GUARD:
        # By process: a fork must not use its parent's connection.
        key = (os.getpid(), catalog)
        if key not in _WRITERS:
            _WRITERS[key] = (threading.Lock(), Advisory(catalog, "writer"))
        within, lock = _WRITERS[key]
    if not within.acquire(timeout=wait if wait >= 0 else -1):
        raise LakeError(_BUSY.format("another thread of this process"))
    try:
        if not lock.acquire(wait, _say_writer):
            raise LakeError(_BUSY.format(lock.holder()))
        try:
            yield
        finally:
            lock.release()
    finally:
        within.release()


_BUSY = (
    "The lake is being written by {} and did not become free in time. Try again later; if that "
    "process hangs, end it first."
)


def _say_writer(holder: str) -> None:
    logger.warning("The lake is being written by %s; waiting for it.", holder)


def _psycopg() -> Any:
    try:
        import psycopg
    except ImportError:
        raise LakeError(
            "The lake has a Postgres catalogue, and the package psycopg, which holds its locks, "
            "is missing or not whole. Install it with `pip install 'psycopg[binary]'`."
        ) from None
    return psycopg


def _connected(catalog: str) -> Any:
    psycopg = _psycopg()
    try:
        given = psycopg.conninfo.conninfo_to_dict(catalog)
    except psycopg.ProgrammingError:
        # Its text may quote a password.
        raise LakeError(
            "The field catalog of the resource lake is no connection string of PostgreSQL. Write "
            "it like `dbname=lake host=127.0.0.1` or `postgresql://127.0.0.1/lake`."
        ) from None
    settings = {
        "connect_timeout": 10,
        "keepalives_idle": _IDLE,
        "keepalives_interval": _INTERVAL,
        "keepalives_count": _COUNT,
        "tcp_user_timeout": (_IDLE + _INTERVAL * _COUNT) * 1000,
        **given,
        "application_name": f"process {os.getpid()} on {socket.gethostname()}",
    }
    connection = psycopg.connect(**settings, autocommit=True)
    for name, value in (
        ("tcp_keepalives_idle", _IDLE),
        ("tcp_keepalives_interval", _INTERVAL),
        ("tcp_keepalives_count", _COUNT),
        # A lock's connection is idle for as long as a run takes.
        ("idle_session_timeout", 0),
    ):
        # Not every server knows, or allows, each of these.
        with suppress(psycopg.Error):
            connection.execute("SELECT set_config(%s, %s, false)", [name, str(value)])
    return connection
