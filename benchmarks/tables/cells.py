"""Cells of the grid on disk: a line of JSON each, appended whole, never changed."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_DEFAULT = Path(__file__).parents[1] / "results" / "tables" / "cells"
FOLDER = Path(os.environ.get("SLUICE_TABLES_CELLS", _DEFAULT))
"""Where the cells are; ``SLUICE_TABLES_CELLS`` names another folder, for trials."""


@dataclass(frozen=True, order=True)
class Key:
    """Which cell.

    Attributes
    ----------
    dataset : str
    fold : int
    method : str
        Of `methods.METHODS`.
    budget : float
        Share of the training fold; 0 for a method that reads no budget.
    seed : int
    version : str
        Of the selector: another version is another cell.
    """

    dataset: str
    fold: int
    method: str
    budget: float
    seed: int
    version: str


def append(key: Key, outcome: dict[str, Any]) -> None:
    """Write a cell: whole or, if the process is killed, at worst as a line that is not read."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    line = json.dumps(asdict(key) | outcome, separators=(",", ":")) + "\n"
    path = FOLDER / f"{key.dataset}.jsonl"
    with path.open("ab+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if file.tell() and _last_byte(file) != b"\n":
            line = "\n" + line  # a killed writer left half a line
        file.write(line.encode())
        file.flush()
        os.fsync(file.fileno())


def _last_byte(file: Any) -> bytes:
    file.seek(-1, os.SEEK_END)
    return file.read(1)


def read(datasets: list[str] | None = None) -> Iterator[tuple[Key, dict[str, Any]]]:
    """Yield every cell of some tables (by default of all), in the order of writing."""
    for path in sorted(FOLDER.glob("*.jsonl")):
        if datasets is not None and path.stem not in datasets:
            continue
        for line in path.read_text().splitlines():
            try:
                outcome = json.loads(line)
            except json.JSONDecodeError:
                continue  # half a line of a killed writer
            yield Key(**{name: outcome.pop(name) for name in Key.__annotations__}), outcome
