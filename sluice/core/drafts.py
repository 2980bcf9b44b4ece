"""Files and folders that appear whole or not at all, and what killed processes leave of them.

A draft lies in a hidden folder beside what it will become, so that taking its name is one step.
The folder holds a lock, which the operating system lets go of when its owner ends, however it
ends: so what is left over is known without looking at a clock.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir, mkdtemp

from filelock import FileLock, Timeout

LOCK = "owner.lock"
_PREFIX, _SUFFIX = ".", ".draft"
_OURS = re.compile(r"\..+\.[a-z0-9_]{8}\.draft")


@contextmanager
def draft(target: Path) -> Generator[Path]:
    """Give a path of the target's name to write a file or a folder to, and remove what is left.

    Whoever has finished the draft renames or replaces it. Drafts in the same folder whose owner
    was killed are removed first.

    Parameters
    ----------
    target : Path
        What the draft is to become. Its folder must exist and be writable.

    Yields
    ------
    Path
        On the file system of `target`; nothing is there yet.

    Raises
    ------
    OSError
        If the folder of `target` cannot be written.
    """
    clear_drafts(target.parent)
    lock = _own(target)
    hidden = Path(lock.lock_file).parent
    try:
        yield hidden / target.name
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
        lock.release()


@contextmanager
def scratch() -> Generator[Path]:
    """Give an empty folder among the system's temporary files, and remove it afterwards.

    Those of killed processes of this user are removed first.
    """
    with draft(Path(gettempdir()) / "sluice") as folder:
        folder.mkdir()
        yield folder


def clear_drafts(folder: Path) -> None:
    """Remove the drafts in a folder whose owner has ended; one that is in use stays.

    One that may not be removed, as that of another user, stays too.
    """
    if not folder.is_dir():
        return
    for hidden in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        if not _OURS.fullmatch(hidden.name) or hidden.is_symlink() or not hidden.is_dir():
            continue
        try:
            with FileLock(hidden / LOCK, timeout=0):
                shutil.rmtree(hidden, ignore_errors=True)
        except (Timeout, OSError):
            continue


def _own(target: Path) -> FileLock:
    """Make a hidden folder and hold its lock."""
    # No name may have more than 255 bytes.
    prefix = f"{_PREFIX}{target.name[:32]}."
    while True:
        hidden = Path(mkdtemp(_SUFFIX, prefix, target.parent))
        lock = FileLock(hidden / LOCK)
        try:
            lock.acquire()
        except (FileNotFoundError, FileExistsError):
            # Cleared by another process before the lock was there, or while it was made.
            continue
        return lock
