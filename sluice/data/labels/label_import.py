"""Writes labels into the files of a dataset, each file whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from sluice.core.bounded import changed
from sluice.core.digests import file_digest
from sluice.core.drafts import draft
from sluice.core.errors import DataError
from sluice.data.ingest.raw import read_file
from sluice.data.labels.label_writer import write_relabelled
from sluice.data.values.stringify import column_text


def put_back(
    folder: Path,
    column: str,
    labels: Mapping[str, Mapping[int, str]],
    delimiter: str | None = None,
    read: Mapping[str, str] | None = None,
) -> None:
    """Write labels into the rows of a dataset's files.

    Every file is written beside the old one, read again and compared with it; only when all are
    right are they renamed. Stopped in between, the same call goes on: what is there stays.

    Parameters
    ----------
    folder : Path
        The dataset's folder.
    column : str
        The column of the labels.
    labels : mapping of str to mapping of int to str
        File, relative to the folder, to row (from 1) to label.
    delimiter : str, optional
        What separates the values of CSV files, by the dataset's configuration.
    read : mapping of str to str, optional
        File, relative to the folder, to the digest of what it held when its rows were counted.

    Raises
    ------
    DataError
        A file cannot be written, takes no such label, or changed meanwhile; nothing is changed
        then.
    """
    made: dict[Path, tuple[Path, str]] = {}
    try:
        with ExitStack() as drafts:
            for name, rows in labels.items():
                # Not the link itself, where a file is one: it would become a file.
                path = (folder / name).resolve()
                before = file_digest(path)
                if read is not None and before != read[name]:
                    raise changed(path)
                # In the dataset's folder, wherever the file lies in it, so that one that a killed
                # process leaves is found.
                hidden = drafts.enter_context(draft(folder / path.name))
                made[path] = (hidden, before)
                write_relabelled(path, hidden, column, rows, delimiter)
                _compare(path, hidden, column, rows, delimiter)
                shutil.copymode(path, hidden)
            for path, (_, before) in made.items():
                if file_digest(path) != before:
                    raise changed(path)
            for path, (hidden, _) in made.items():
                hidden.replace(path)
    except OSError as error:
        raise DataError(
            f"Labels cannot be written into {folder}: {error.strerror or error}. Give the user who "
            "runs Sluice the right to write there."
        ) from None


def _compare(
    old: Path, new: Path, column: str, rows: Mapping[int, str], delimiter: str | None
) -> None:
    """Refuse a copy that differs in anything but the labels: a bug of ours, or a strange file."""
    before, after = (read_file(path, delimiter=delimiter, needed=[column]) for path in (old, new))
    wanted = column_text(before.column(column), str(old)).to_pylist()
    for row, label in rows.items():
        wanted[row - 1] = label
    others = [name for name in before.column_names if name != column]
    found = [
        (text or "").strip() for text in column_text(after.column(column), str(new)).to_pylist()
    ]
    if (
        after.column_names != before.column_names
        or found != [(text or "").strip() for text in wanted]
        # Written out, for no number that is none equals itself.
        or any(repr(after[n].to_pylist()) != repr(before[n].to_pylist()) for n in others)
    ):
        raise DataError(
            f"{old} could not be written again without a change to other cells; nothing was "
            "written. Write the labels into it by hand."
        )
