"""Folders that Hugging Face's `datasets` saved with `save_to_disk`, read without that package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from sluice.data.columns import require_columns
from sluice.data.splits import named_split
from sluice.errors import DataError

STATE = "state.json"
INFO = "dataset_info.json"
SPLITS_FILE = "dataset_dict.json"


def is_saved(folder: Path) -> bool:
    """Whether a folder is what `save_to_disk` writes of a Dataset or a DatasetDict."""
    return (folder / STATE).is_file() or (folder / SPLITS_FILE).is_file()


def arrow_files(folder: Path) -> list[Path]:
    """Return the files of rows of a saved Dataset or DatasetDict, in its order.

    Other Arrow files in the folder, such as the caches of ``map``, are no part of it.

    Raises
    ------
    DataError
        A file is missing or no JSON, or the rows were reordered and never written out.
    """
    if (folder / SPLITS_FILE).is_file():
        names = _listed(_json(folder / SPLITS_FILE), "splits", folder / SPLITS_FILE)
        return [path for name in names for path in arrow_files(folder / name)]
    state = _json(folder / STATE)
    if state.get("_indices_data_files"):
        raise DataError(
            f"{folder} holds rows that were picked or shuffled and not written out. Save it again "
            "with dataset.flatten_indices().save_to_disk(...)."
        )
    entries = _listed(state, "_data_files", folder / STATE)
    paths = [folder / str(entry["filename"]) for entry in entries]
    for path in paths:
        if path.parent != folder or not path.is_file():
            raise DataError(f"{path} is missing, which {folder / STATE} names. Save it again.")
    return paths


def saved_files(folder: Path) -> list[Path]:
    """Return every file that makes a saved folder: its rows and what describes them."""
    rows = arrow_files(folder)
    notes = [path / name for path in {p.parent for p in rows} for name in (STATE, INFO)]
    notes.append(folder / SPLITS_FILE)
    return sorted([*rows, *(path for path in notes if path.is_file())])


def saved_splits(folder: Path) -> list[str]:
    """Return the names of a saved DatasetDict's parts; of a Dataset none.

    Raises
    ------
    DataError
        See `arrow_files`.
    """
    path = folder / SPLITS_FILE
    return [str(name) for name in _listed(_json(path), "splits", path)] if path.is_file() else []


def folder_split(name: str) -> str | None:
    """Return the split that the folder of a file means, or None.

    Parameters
    ----------
    name : str
        Name of a file relative to its dataset, such as ``reviews/train/data-0.arrow``.
    """
    parts = name.split("/")
    return named_split(parts[-2]) if len(parts) > 1 else None


def read_arrow(path: Path, shown: str, columns: list[str] | None) -> pa.Table:
    """Read an Arrow IPC file, of the streaming format (as `datasets` writes it) or the other.

    Raises
    ------
    DataError
        It is broken, has no row, or lacks a column.
    """
    try:
        with path.open("rb") as stream:
            magic = stream.read(6)
            stream.seek(0)
            opened = pa.ipc.open_file if magic == b"ARROW1" else pa.ipc.open_stream
            table = opened(stream).read_all()
    except pa.ArrowInvalid as error:
        reason = str(error).splitlines()[0]
        raise DataError(
            f"{shown} is not a whole Arrow file: {reason} Write or copy it again."
        ) from None
    require_columns(columns or [], table.column_names, shown)
    if table.num_rows == 0:
        raise DataError(f"{shown} holds columns and no row. Add rows or remove the file.")
    return table if columns is None else table.select(columns)


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(
            f"{path} is missing, so {path.parent} is no folder that datasets' save_to_disk wrote. "
            "Save it again."
        ) from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}. Save the dataset again.") from None
    if not isinstance(value, dict):
        raise DataError(f"{path} holds no object. Save the dataset again.")
    return value


def _listed(value: dict[str, Any], key: str, path: Path) -> list[Any]:
    listed = value.get(key)
    if not isinstance(listed, list) or not listed:
        raise DataError(f"{path} lists nothing under {key!r}. Save the dataset again.")
    return listed
