"""What all commands share: consoles, the workspace, errors and progress."""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from typer.core import TyperGroup

from sluice.cli.shared.endings import (
    BAD_INPUT,
    BROKEN_PIPE,
    TRACEBACK,
    UNFORESEEN,
    Interrupts,
    quiet_output,
    unforeseen,
)
from sluice.core.errors import ConfigError, SluiceError
from sluice.core.interruption import INTERRUPTED


def _name_of_dataset(value: str) -> str:
    if not value.isprintable():
        raise ConfigError(
            f"{value!r} names no dataset: it holds characters that cannot be printed. Give the "
            "name of a folder in datasets/."
        )
    return value


DatasetName = Annotated[
    str, typer.Argument(help="Name of a folder in datasets/.", callback=_name_of_dataset)
]


class _Console(Console):
    """Leaves it to the group how a command ends whose reader has gone."""

    def on_broken_pipe(self) -> None:
        """Raise again."""
        raise BrokenPipeError


Raw = Annotated[
    bool,
    typer.Option(
        "--raw",
        help="CSV cells as they are. Otherwise texts that a spreadsheet would run (they begin "
        "with =, +, -, @, a tab or a line end) have an apostrophe in front, as have those that "
        "begin with one.",
    ),
]


def console() -> Console:
    """Return the console for what is said beside the result (standard error)."""
    return _Console(stderr=True)


def results() -> Console:
    """Return the console for the result itself (standard output)."""
    out = _Console()
    # A file or a pipe has no width of its own: write whole lines.
    return out if out.is_terminal else _Console(width=140)


def warn(message: str) -> None:
    """Say what the person should know but need not act upon."""
    console().print(f"[yellow]Warning:[/yellow] {escape(message)}", soft_wrap=True)


class SluiceGroup(TyperGroup):
    """Ends every command in the same way: one message and no traceback, whatever happened."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command.

        Exits with 2 on a `SluiceError`, 130 on an interrupt, 141 where the reader of the output
        has gone, and 1 on an error that nobody has thought of, whose traceback goes to a file.
        """
        interrupts = Interrupts()
        try:
            with interrupts.heard():
                return super().invoke(ctx)
        except BaseException as error:
            if not interrupts.seen and isinstance(error, typer.Exit | typer.Abort | SystemExit):
                raise
            if not interrupts.seen and hasattr(error, "exit_code"):
                # Wrong use of the command line, which Typer shows.
                raise
            code = _tell(error, interrupted=interrupts.seen)
        raise typer.Exit(code)


def _tell(error: BaseException, *, interrupted: bool) -> int:
    """Say in one message how a command ended, and return the number that it exits with."""
    try:
        if isinstance(error, KeyboardInterrupt):
            _print(str(error) or "Interrupted; what was committed is kept.")
            return INTERRUPTED
        if interrupted or not isinstance(error, Exception):
            # Whatever came of being interrupted in the midst of a library.
            _print("Interrupted; what was committed is kept.")
            return INTERRUPTED
        if isinstance(error, BrokenPipeError):
            return BROKEN_PIPE
        if os.environ.get(TRACEBACK):
            _print("".join(traceback.format_exception(error)))
        known = isinstance(error, SluiceError)
        _print(str(error) if known else unforeseen(error), "[red]Error:[/red] ")
        return BAD_INPUT if known else UNFORESEEN
    except BrokenPipeError:
        return BROKEN_PIPE
    finally:
        quiet_output()


def _print(text: str, before: str = "") -> None:
    shown = text.encode("utf-8", "backslashreplace").decode()
    console().print(f"{before}{escape(shown)}", soft_wrap=True, highlight=False)


def parse_options(pairs: list[str]) -> dict[str, Any]:
    """Read ``key=value`` options: values as JSON where they are JSON, as text otherwise.

    Raises
    ------
    ConfigError
        Where a pair has no ``=``, its key is no name, or a key comes twice.
    """
    import json

    options: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        key = key.strip()
        if not equals or not key.isidentifier():
            raise ConfigError(f"--option {pair!r} is not key=value, for example mode=paper.")
        if key in options:
            raise ConfigError(f"--option {key} is given twice. Give it once.")
        try:
            options[key] = json.loads(value)
        except json.JSONDecodeError:
            options[key] = value
    return options


class ProgressHandler(logging.Handler):
    """Draws a bar for each piece of work that logs its progress through `sluice.progress`.

    Parameters
    ----------
    bars : Progress
        A started rich progress display.
    """

    def __init__(self, bars: Progress) -> None:
        super().__init__(logging.INFO)
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Move the bar of ``record.label`` to ``record.done`` of ``record.total``."""
        said: Mapping[str, Any] = vars(record)
        if not {"label", "done", "total"} <= said.keys():
            return
        label = str(said["label"])
        if label not in self._tasks:
            self._tasks[label] = self._bars.add_task(escape(label), total=said["total"])
        done = said["done"] >= said["total"]
        self._bars.update(
            self._tasks[label], completed=said["done"], total=said["total"], visible=not done
        )


class StageHandler(logging.Handler):
    """Prints what the stages of a lineage say, above the bars."""

    def __init__(self, out: Console) -> None:
        super().__init__(logging.INFO)
        self._out = out

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line."""
        style = "yellow" if record.levelno >= logging.WARNING else None
        said = escape(record.getMessage())
        # The work goes on where nobody reads of it any more.
        with suppress(BrokenPipeError):
            self._out.print(said, style=style, soft_wrap=True, highlight=False)


@contextmanager
def show_progress() -> Generator[None]:
    """Show the progress of long work inside the block.

    Bars on a terminal; one line a record elsewhere, so that logs stay readable.
    """
    out = console()
    stages = StageHandler(out)
    if not out.is_terminal:
        with (
            _listening("sluice.stage", stages),
            _listening("sluice-unchanged", stages),
            _listening("sluice.progress", stages),
        ):
            yield
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with (
        Progress(*columns, console=out) as bars,
        _listening("sluice.stage", stages),
        _listening("sluice-unchanged", stages),
        _listening("sluice.progress", ProgressHandler(bars)),
    ):
        yield


@contextmanager
def _listening(name: str, handler: logging.Handler) -> Generator[None]:
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
