"""How every command ends: by one line and a number, and never by a traceback."""

from __future__ import annotations

import logging
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from sluice.core.interruption import leave

BAD_INPUT = 2
UNFORESEEN = 1
BROKEN_PIPE = 128 + signal.SIGPIPE

TRACEBACK = "SLUICE_TRACEBACK"
AGAIN_SECONDS = 3

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Ctrl-C and SIGTERM while a command runs: the first unwinds it, the second ends it at once.

    An interrupt is raised in the midst of whatever runs, and a library that catches everything may
    swallow it; Dagster has handlers of its own. So a thread listens beside all handlers, and raises
    the signal again while the command goes on.

    Attributes
    ----------
    seen : bool
        Whether somebody has asked to stop.
    """

    def __init__(self) -> None:
        self.seen = False
        self._presses = 0
        self._again = False
        self._done = threading.Event()

    @contextmanager
    def heard(self) -> Generator[None]:
        """Listen within the block, where the command is in the main thread."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before: dict[int, Any] = {number: signal.getsignal(number) for number in _NUMBERS}
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        fd = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        ear = threading.Thread(target=self._listen, args=(reader,), daemon=True)
        ear.start()
        try:
            for number, handler in before.items():
                if handler is not signal.SIG_IGN:
                    signal.signal(number, self._raise)
            with _nothing_said_of_interrupts():
                yield
        finally:
            self._done.set()
            signal.set_wakeup_fd(fd)
            os.close(writer)
            ear.join()
            os.close(reader)
            for number, handler in before.items():
                signal.signal(number, handler)

    def _raise(self, number: int, frame: FrameType | None) -> None:
        self.seen = True
        again, self._again = self._again, False
        self._presses += not again
        if self._presses > 1:
            leave(number, frame)
        raise KeyboardInterrupt

    def _listen(self, reader: int) -> None:
        while got := os.read(reader, 1):
            if got[0] in _NUMBERS:
                self.seen = True
                break
        while self.seen and not self._done.wait(AGAIN_SECONDS):
            self._again = True
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


@contextmanager
def _nothing_said_of_interrupts() -> Generator[None]:
    """Let no library print the traceback of an interrupt that it has caught, and goes on with."""

    def of_no_interrupt(record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return error is None or isinstance(error, Exception)

    def unraisable(failed: sys.UnraisableHookArgs) -> None:
        if isinstance(failed.exc_value, Exception):
            before(failed)

    before, last = sys.unraisablehook, logging.lastResort
    sys.unraisablehook = unraisable
    if last is not None:
        last.addFilter(of_no_interrupt)
    try:
        yield
    finally:
        sys.unraisablehook = before
        if last is not None:
            last.removeFilter(of_no_interrupt)


def quiet_output() -> None:
    """Send to nowhere what is left to be written to a reader that has gone, such as `head`."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:
                os.dup2(nowhere, stream.fileno())


def unforeseen(error: BaseException) -> str:
    """Return what is said of an error that nobody has thought of; its traceback goes to a file."""
    path = _written("".join(traceback.format_exception(error)))
    where = f" The details are in {path}." if path else ""
    return (
        f"{_what(error)}\nSluice did not foresee this; what was committed before is kept.{where} "
        f"Try again; if it stays, report it with these details ({TRACEBACK}=1 shows them here)."
    )


def _what(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        named = f"{error.filename}: " if error.filename else ""
        return f"{named}{error.strerror}."
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else f"{type(error).__name__}."


def _written(text: str) -> Path | None:
    """Write a traceback where logs lie, or else where temporary files do."""
    name = f"error-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    for folder in (_logs(), Path(tempfile.gettempdir())):
        with suppress(OSError):
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(text, encoding="utf-8", errors="backslashreplace")
                return folder / name
    return None


def _logs() -> Path | None:
    from sluice.cli.shared.finding import find_workspace
    from sluice.core.errors import SluiceError

    given = os.environ.get("SLUICE_HOME")
    if given:
        return Path(given) / "logs"
    try:
        return find_workspace() / ".sluice" / "logs"
    except SluiceError:
        return None
