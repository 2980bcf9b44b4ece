"""Traces: what a search is resumed from, as a list or as a file with a trial a line."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sluice.core.errors import DataError
from sluice.searches.contract import Trial
from sluice.searches.problem import SearchProblem

Row = dict[str, Any]
_BEGIN = b'{"step":'


@contextmanager
def trace_file(path: Path) -> Generator[tuple[list[Row], Callable[[Row], None]]]:
    """Open a file of trials, made where it is not there, to be read and gone on with.

    A run that was killed may have left half a last line: it is taken out, and its step done again.

    Yields
    ------
    rows : list of dict
        What it holds.
    write : callable
        Adds one trial.

    Raises
    ------
    DataError
        The file cannot be read or written, or a line is no trial.
    """
    try:
        stream = path.open("a+b")
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}.") from None

    def write(row: Row) -> None:
        try:
            text = json.dumps(row, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"A state cannot be written to {path}: {error}. Name every value of a variable "
                "by a text, a number or a truth."
            ) from None
        stream.write(text.encode() + b"\n")
        stream.flush()

    with stream:
        stream.seek(0)
        *lines, half = stream.read().split(b"\n")
        rows = [_parsed(line, number, path) for number, line in enumerate(lines, 1)]
        if half:
            if half[: len(_BEGIN)] != _BEGIN[: len(half)]:
                _parsed(b"", len(lines) + 1, path)
            stream.truncate(stream.tell() - len(half))
        yield rows, write


def _parsed(line: bytes, number: int, path: Path) -> Row:
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise DataError(f"Line {number} of {path} is no trial; give the file of a search.")
    return row


def checked_trace(
    rows: Sequence[Mapping[str, Any]], problem: SearchProblem, method: str, seed: int
) -> list[Trial]:
    """Return the trials of a trace, or say why it is not one of this problem, method and seed.

    Raises
    ------
    DataError
        A step is missing or lacks what a trial has, or is of another method, seed or problem.
    """
    names = set(problem.variables)
    trials: list[Trial] = []
    for step, row in enumerate(rows, 1):
        where = f"Trial {step} of the trace"
        lacking = {"step", "arm", "objective", "state", "method", "seed"} - set(row)
        if lacking:
            raise DataError(f"{where} has no {', '.join(sorted(lacking))}; give one of a search.")
        if row["step"] != step:
            raise DataError(f"{where} is step {row['step']}; give all of them, in their order.")
        if (row["method"], row["seed"]) != (method, seed):
            raise DataError(
                f"{where} is of the method {row['method']} and the seed {row['seed']}, not of "
                f"{method} and {seed}; resume it with its own, or start anew."
            )
        if set(row["state"]) != names:
            raise DataError(f"{where} has other variables than the problem; is it of another one?")
        objective = row["objective"]
        if objective is not None and not math.isfinite(objective):
            raise DataError(f"{where} has the objective {objective}; give a number, or None.")
        value = None if objective is None else float(objective)
        trials.append(Trial(step, row["arm"], row["state"], value, row.get("reason") or ""))
    return trials
