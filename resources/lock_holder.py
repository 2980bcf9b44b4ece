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
    process = _process_holding(folder / "writer.lock")
    if process is None:
        return "another process"
    for note in (folder / "locks").glob("*.holder.json"):
        with suppress(OSError, ValueError, KeyError):
            held = json.loads(note.read_text())
            if held["process"] == process:
                return f"{held['holder']} (process {process})"
    return f"process {process}"


def _process_holding(lock: Path) -> int | None:
    """Return the process that holds a lock, or None where that is not known."""
    try:
        inode = str(lock.stat().st_ino)
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        # `1: FLOCK ADVISORY WRITE 4711 fe:00:2147250 0 EOF`; those that wait have `->` first.
        _, kind, *_, process, file, _, _ = line.split()
        if kind == "FLOCK" and file.rpartition(":")[2] == inode and _has_open(process, lock):
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
