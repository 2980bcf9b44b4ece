"""Folders that Hugging Face's `datasets` saved with `save_to_disk`, read without that package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sluice.core.bounded import read_bytes
from sluice.core.errors import DataError
from sluice.data.ingest.splits import named_split
from sluice.data.readers.json_text import read_json

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
        parts = [folder / name for name in saved_splits(folder)]
        return [path for part in parts for path in _rows_of_part(part)]
    return _rows_of_part(folder)


def _rows_of_part(folder: Path) -> list[Path]:
    state = _json(folder / STATE)
    if state.get("_indices_data_files"):
        raise DataError(
            f"{folder} holds rows that were picked or shuffled and not written out. Save it again "
            "with dataset.flatten_indices().save_to_disk(...)."
        )
    entries = _listed(state, "_data_files", folder / STATE)
    named = [entry.get("filename") if isinstance(entry, dict) else None for entry in entries]
    paths = [folder / _plain_name(name, folder / STATE) for name in named]
    for path in paths:
        if not path.is_file():
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
    if not path.is_file():
        return []
    return [_plain_name(name, path) for name in _listed(_json(path), "splits", path)]


def folder_split(name: str) -> str | None:
    """Return the split that the folder of a file means, or None.

    Parameters
    ----------
    name : str
        Name of a file relative to its dataset, such as ``reviews/train/data-0.arrow``.
    """
    parts = name.split("/")
    return named_split(parts[-2]) if len(parts) > 1 else None


def _json(path: Path) -> dict[str, Any]:
    try:
        value = read_json(read_bytes(path).decode("utf-8"))
    except FileNotFoundError:
        raise DataError(
            f"{path} is missing, so {path.parent} is no folder that datasets' save_to_disk wrote. "
            "Save it again."
        ) from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}. Save the dataset again.") from None
    if not isinstance(value, dict):
        raise DataError(f"{path} holds no object. Save the dataset again.")
    return value


def _plain_name(name: object, path: Path) -> str:
    """Return the name of a file or folder that lies right where `path` does."""
    if not isinstance(name, str) or Path(name).name != name or name == ".." or "\0" in name:
        raise DataError(f"{str(name)[:80]!r} is missing, which {path} names. Save it again.")
    return name


def _listed(value: dict[str, Any], key: str, path: Path) -> list[Any]:
    listed = value.get(key)
    if not isinstance(listed, list) or not listed:
        raise DataError(f"{path} lists nothing under {key!r}. Save the dataset again.")
    return listed
