"""Reading files that nobody vouches for: regular files only, whole, and within limits."""

from __future__ import annotations

import gzip
import io
import os
import stat
import zlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from sluice.core.errors import ConfigError, DataError

MOST_GIB = "SLUICE_MAX_GIB"
MOST_COLUMNS = "SLUICE_MAX_COLUMNS"
MOST_FILES = "SLUICE_MAX_FILES"
_DEFAULTS = {MOST_GIB: 2, MOST_COLUMNS: 10_000, MOST_FILES: 100_000}
LONGEST_LINE = 64 << 20
"""Bytes of a line of a text file, and of a record of a CSV file, at most."""

_PIECE = 1 << 20
_SPECIAL = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
# Rows of text shrink by 3 to 30; only what was made to expand shrinks by more than this.
_STEEPEST, _STEEPEST_OF_GZIP = 250, 1032
_noted: ContextVar[dict[Path, str] | None] = ContextVar("noted", default=None)


def limit(name: str) -> int:
    """Return a limit: of bytes that a file may hold once it is read, of columns, or of files.

    Parameters
    ----------
    name : str
        `MOST_GIB`, `MOST_COLUMNS` or `MOST_FILES`, the environment variable that sets it.

    Raises
    ------
    ConfigError
        The variable holds no number above 0.
    """
    given = os.environ.get(name, "")
    try:
        value = float(given) if given else _DEFAULTS[name]
        if not 0 < value < 2**40:
            raise ValueError
    except ValueError:
        raise ConfigError(
            f"{name} is {given!r}; set it to a number above 0, or unset it."
        ) from None
    return int(value * (1 << 30)) if name == MOST_GIB else int(value)


def too_large(shown: str, what: str) -> DataError:
    """Say that a file is larger than the limit allows, and how to raise it."""
    most = limit(MOST_GIB) / (1 << 30)
    return DataError(
        f"{shown} {what}, and the limit is {most:g} GiB. Split the file; or, where you trust it "
        f"and have the memory, set the environment variable {MOST_GIB} to a larger number."
    )


def gib(size: int) -> str:
    """Write a number of bytes in GiB."""
    return f"{size / (1 << 30):,.1f} GiB"


@contextmanager
def open_regular(path: Path) -> Generator[BinaryIO]:
    """Open a file for reading, but nothing that would block, act or never end when it is read.

    Raises
    ------
    DataError
        It is a named pipe, a device or a socket.
    OSError
        It is missing, is a folder, or may not be read.
    """
    # Before it is opened, for opening a device may act; after, for it may have been replaced.
    _refuse_special(path, os.stat(path).st_mode)
    with open(path, "rb", opener=_without_waiting) as stream:
        _refuse_special(path, os.fstat(stream.fileno()).st_mode)
        yield stream


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _refuse_special(path: Path, mode: int) -> None:
    kind = _SPECIAL.get(stat.S_IFMT(mode))
    if kind is not None:
        raise DataError(f"{path} is {kind} and no regular file. Put a file of rows in its place.")


def read_bytes(path: Path, *, lines: bool = False, most: int | None = None) -> bytes:
    """Read a regular file whole; `digests_of_reads` notes what was read.

    Parameters
    ----------
    path : Path
    lines : bool
        Whether it is a text, whose lines are bounded, too.
    most : int, optional
        Bytes that are read at most, where that is fewer than the limit: longer files are cut.

    Raises
    ------
    DataError
        It is larger than the limit, has a line of more than `LONGEST_LINE` bytes, is no regular
        file, or was read before within `digests_of_reads` and held something else then.
    OSError
        It cannot be read.
    """
    with open_regular(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        if most is not None:
            data = stream.read(most)
        elif size > limit(MOST_GIB):
            raise too_large(str(path), f"holds {gib(size)}")
        else:
            data = gathered(iter(lambda: stream.read(_PIECE), b""), str(path), lines=lines)
    noted = _noted.get()
    if noted is not None:
        found = sha256(data).hexdigest()
        if noted.setdefault(path, found) != found:
            raise changed(path)
    return data


@contextmanager
def digests_of_reads() -> Generator[dict[Path, str]]:
    """Note the digest of every file that is read in the block: of the very bytes that are parsed.

    A digest that is taken apart from reading may be that of a file since replaced. A file that is
    read twice must hold the same both times.
    """
    noted: dict[Path, str] = {}
    token = _noted.set(noted)
    try:
        yield noted
    finally:
        _noted.reset(token)


def changed(path: Path) -> DataError:
    """Say that a file was replaced or written while it was read."""
    return DataError(f"{path} changed while it was read. Try again once it is written.")


def gathered(pieces: Iterable[bytes], shown: str, *, lines: bool) -> bytes:
    """Join pieces of a file, as long as they stay within the limits.

    Raises
    ------
    DataError
        See `read_bytes`.
    """
    out, most, began = io.BytesIO(), limit(MOST_GIB), 0
    for piece in pieces:
        place = out.tell()
        if place + len(piece) > most:
            raise too_large(shown, f"holds more than {gib(most)} once it is read")
        if lines:
            first = min((at for at in map(piece.find, _ENDS) if at >= 0), default=len(piece))
            if place + first - began > LONGEST_LINE:
                raise DataError(
                    f"{shown} has a line of more than {LONGEST_LINE >> 20} MiB, from byte {began} "
                    "on, which no row of data has. Check that it is a text file of one row a line."
                )
            last = max(map(piece.rfind, _ENDS))
            began = place + last + 1 if last >= 0 else began
        out.write(piece)
    return out.getvalue()


_ENDS = (b"\n", b"\r")


def unzipped(data: bytes, shown: str) -> bytes:
    """Return the text that a gzip file holds, within the limits.

    Raises
    ------
    DataError
        It is no whole gzip file, or holds more than the limits allow.
    """
    padding = len(data) - len(data.rstrip(b"\0"))
    if padding > _PIECE:
        # Python's reader would look at them one by one.
        raise DataError(
            f"{shown} is not a whole gzip file: it ends in {padding:,} bytes of zero. Copy or "
            "compress it again."
        )
    # What the end of the file claims: enough to refuse an honest one without unpacking it.
    claimed = int.from_bytes(data[-4:], "little")
    if limit(MOST_GIB) < claimed <= _STEEPEST_OF_GZIP * len(data):
        raise too_large(shown, f"holds {gib(claimed)} once unpacked (or was cut off)")
    try:
        return gathered(_unpacked(data, shown), shown, lines=True)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{shown} is not a whole gzip file: {error}. Copy or compress it again."
        ) from None


def _unpacked(data: bytes, shown: str) -> Iterator[bytes]:
    total, steep_from = 0, limit(MOST_GIB) // 16
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
        while piece := stream.read(_PIECE):
            total += len(piece)
            if total > max(steep_from, _STEEPEST * len(data)):
                raise too_large(
                    shown,
                    f"expands to more than {_STEEPEST} times its {len(data):,} bytes, which no "
                    f"file of rows does that holds more than {steep_from >> 20} MiB",
                )
            yield piece
