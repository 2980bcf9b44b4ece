"""Progress of long work, as ordinary log records that any front end may render.

Library code calls `track`; the command line draws bars from the records, and Dagster stores
them as log lines of the step. Nobody listening costs nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol

logger = logging.getLogger("sluice.progress")


class Advance(Protocol):
    """Callback that says how much more has been done."""

    def __call__(self, amount: int = 1) -> None:
        """Advance by `amount` units."""
        ...


@contextmanager
def track(label: str, total: int, *, every: float = 5.0) -> Generator[Advance]:
    """Log the progress of one long piece of work.

    Parameters
    ----------
    label : str
        What is being done, for example ``"embedding"``.
    total : int
        How many units there are.
    every : float
        Least seconds between two records; the first and the last are always logged
        unless the work ended sooner than that.
    """
    done, began = 0, time.monotonic()
    last = began

    def advance(amount: int = 1) -> None:
        nonlocal done, last
        done += amount
        now = time.monotonic()
        if now - last >= every:
            last = now
            left = (total - done) * (now - began) / max(done, 1)
            logger.info(
                "%s: %d of %d, about %.0f s left",
                label,
                done,
                total,
                left,
                extra={"label": label, "done": done, "total": total},
            )

    yield advance
    seconds = time.monotonic() - began
    if seconds >= every:
        logger.info(
            "%s: %d of %d in %.0f s",
            label,
            done,
            total,
            seconds,
            extra={"label": label, "done": total, "total": total},
        )
