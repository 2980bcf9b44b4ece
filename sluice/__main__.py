"""`sluice` and `python -m sluice`: ready for Ctrl-C before anything slow is loaded."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

INTERRUPTED = 128 + signal.SIGINT


def leave(number: int, frame: FrameType | None) -> None:
    """End at once, in one line: nothing has begun that would have to be undone."""
    os.write(2, b"Interrupted.\n")
    os._exit(INTERRUPTED)


def main() -> None:
    """Run the command line."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # Who started us in the background may have told us to ignore it.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, leave)
    for stream in (sys.stdout, sys.stderr):
        # A name that is not UTF-8 must not end the message that is about it.
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
    from sluice.cli import app

    try:
        app()
    except SystemExit as end:
        if end.code == INTERRUPTED:
            # What a library does at the end must not keep a person waiting who has said stop.
            sys.stdout.flush()
            os._exit(INTERRUPTED)
        raise


if __name__ == "__main__":
    main()
