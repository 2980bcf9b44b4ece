"""Who writes the lake, for messages to people."""

import json
import os
from contextlib import suppress
from pathlib import Path


def writer_of(folder: Path) -> str:
    """Return who holds the writer lock of the lake in `folder`, as well as it can be told.

    The operating system keeps the lock, and Linux alone tells its holder. What a process writes
    for is on the notes that holders of a dataset leave.
    """
    return _named(folder, _process_holding(folder / "writer.lock", "FLOCK"))


def locker_of(folder: Path) -> str:
    """Return who keeps the SQLite catalogue of the lake in `folder` locked for writing.

    In WAL mode SQLite's locks are on the file of shared memory.
    """
    for name in ("catalog.sqlite-shm", "catalog.sqlite"):
        process = _process_holding(folder / name, "POSIX")
        if process is not None:
            return _named(folder, process)
    return "another process"


def _named(folder: Path, process: int | None) -> str:
    if process is None:
        return "another process"
    for note in (folder / "locks").glob("*.holder.json"):
        with suppress(OSError, ValueError, KeyError):
            held = json.loads(note.read_text())
            if held["process"] == process:
                return f"{held['holder']} (process {process})"
    return f"process {process}"


def _process_holding(lock: Path, kind: str) -> int | None:
    """Return another process that holds a lock for writing, or None where none is known."""
    try:
        inode = str(lock.stat().st_ino)
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        # `1: FLOCK ADVISORY WRITE 4711 fe:00:2147250 0 EOF`; those that wait have `->` first.
        _, held, _, how, process, file, *_ = line.split()
        mine = held == kind and how == "WRITE" and process != str(os.getpid())
        if mine and file.rpartition(":")[2] == inode and _has_open(process, lock):
            return int(process)
    return None


def _has_open(process: str, path: Path) -> bool:
    """Whether a process has a file open: inodes are unique within one file system only."""
    with suppress(OSError):
        for entry in Path(f"/proc/{process}/fd").iterdir():
            with suppress(OSError):
                if os.path.samefile(entry, path):
                    return True
    return False
