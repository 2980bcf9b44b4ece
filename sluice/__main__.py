"""`sluice` and `python -m sluice`: ready for Ctrl-C before anything slow is loaded."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from contextlib import suppress

from sluice.core.interruption import INTERRUPTED, leave


def main() -> None:
    """Run the command line."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # Who started us in the background may have told us to ignore it.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, leave)
    for stream in (sys.stdout, sys.stderr):
        # A name that is not UTF-8 must not end the message that is about it.
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
    number = 1

    def end() -> None:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(number)

    # The first to be registered is the last to be called. What Python would do after it, with
    # threads of Arrow still at work, has ended commands that were done by a signal.
    atexit.register(end)
    from sluice.cli import app

    try:
        app()
        number = 0
    except SystemExit as ended:
        number = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if number == INTERRUPTED:
            # What a library does at the end must not keep a person waiting who has said stop.
            end()
        raise


if __name__ == "__main__":
    main()
