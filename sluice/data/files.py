"""Which files make a dataset, and whether they changed."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sluice.data.config import CONFIG_FILE, DatasetConfig, load_config
from sluice.data.digests import digest, file_digest, order_free_digest
from sluice.data.saved_folder import arrow_files, is_saved
from sluice.errors import DataError

SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".jsonl", ".parquet", ".arrow")
TAGGED_SUFFIXES = (".conll", ".bio", ".iob", ".tsv", ".txt", ".jsonl")
"""Of files of tagged sentences, for the task tokens."""


def suffixes_of(task: str) -> tuple[str, ...]:
    """Return the suffixes of files that a task reads."""
    return TAGGED_SUFFIXES if task == "tokens" else SUFFIXES


def file_kind(path: Path, suffixes: tuple[str, ...] = SUFFIXES) -> str:
    """Return which of some suffixes a file has.

    Raises
    ------
    DataError
        Where it has none of them.
    """
    name = path.name.lower()
    for suffix in suffixes:
        if name.endswith(suffix):
            return suffix
    if name.endswith((".xlsx", ".xls", ".xlsm", ".xlsb", ".ods")):
        raise DataError(
            f"{path} is an Excel workbook (or one of its kin). Save the sheet as CSV (UTF-8) and "
            "give that file."
        )
    raise DataError(
        f"{path} is no file that Sluice reads: its name must end in one of {', '.join(suffixes)}. "
        "Convert or rename it, or narrow the pattern under files in dataset.yaml."
    )


@contextmanager
def readable(path: Path) -> Generator[None]:
    """Say for people why a file cannot be read, while it is being read.

    Raises
    ------
    DataError
        It is missing, empty, or may not be read.
    """
    try:
        if path.stat().st_size == 0:
            raise DataError(f"{path} is empty. Put rows into it or remove it.")
        yield
    except FileNotFoundError:
        raise DataError(f"{path} does not exist. Check the path.") from None
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror or error}. Check that it is a file and that "
            "the user who runs Sluice may read it."
        ) from None


def matching_files(folder: Path, config: DatasetConfig) -> list[Path]:
    """List the files that `config.files` names, each once, by relative name.

    A name that exists is taken literally, that of a folder saved by Hugging Face's `datasets` for
    the files of its rows; anything else is a pattern. Patterns pass over hidden
    files, so that a file copied in as ``.part`` and renamed is never seen by half.

    Parameters
    ----------
    folder : Path
        The dataset's folder.
    config : DatasetConfig
        Its configuration.

    Returns
    -------
    list of Path
        Sorted paths inside `folder`.

    Raises
    ------
    DataError
        Where the folder cannot be listed, a name or pattern matches nothing, or a match lies
        outside the folder (by a symbolic link).
    """
    if not os.path.isdir(folder):
        raise DataError(f"{folder} is not a folder. Give the folder that holds {CONFIG_FILE}.")
    found: dict[str, Path] = {}
    inside = folder.resolve()
    for pattern in config.files:
        for path in _matches(folder, pattern):
            if not path.resolve().is_relative_to(inside):
                raise DataError(
                    f"{path} is a link to {path.resolve()}, outside the dataset's folder. "
                    "Copy the file into the folder."
                )
            found[path.relative_to(folder).as_posix()] = path
    return [found[name] for name in sorted(found)]


def _matches(folder: Path, pattern: str) -> list[Path]:
    literal = folder / pattern
    try:
        if literal.is_file():
            return [literal]
        if is_saved(literal):
            return arrow_files(literal)
        paths = [
            path
            for path in folder.glob(pattern)
            if path.is_file()
            and not any(part.startswith(".") for part in path.relative_to(folder).parts)
            and path != folder / CONFIG_FILE
        ]
        here = sorted(path.name for path in folder.iterdir() if path.name != CONFIG_FILE)
    except OSError as error:
        raise DataError(
            f"{folder} cannot be listed: {error.strerror}. Give the user who runs Sluice the "
            "right to read the folder and the files in it."
        ) from None
    except (ValueError, NotImplementedError) as error:
        raise DataError(f"{pattern!r} under files in {folder} is no pattern: {error}.") from None
    if paths:
        return paths
    listed = ", ".join(here[:10]) or "nothing"
    if any(mark in pattern for mark in "*?["):
        raise DataError(
            f"No file in {folder} matches {pattern!r}; the folder holds {listed}. "
            f"Put files there or correct files in {CONFIG_FILE}."
        )
    raise DataError(
        f"{literal} does not exist; the folder holds {listed}. "
        f"Put the file there or correct files in {CONFIG_FILE}."
    )


def folder_digest(folder: Path, config: DatasetConfig | None = None) -> str:
    """Digest what a dataset is made of: `dataset.yaml` and every matching file.

    The order of the files does not matter; their names do, since rows record them. Reads every
    byte.

    Parameters
    ----------
    folder : Path
        The dataset's folder.
    config : DatasetConfig, optional
        Its configuration, read from the folder where not given.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    ConfigError
        Where `dataset.yaml` is missing or wrong.
    DataError
        Where a file is missing or cannot be read.
    """
    config = load_config(folder) if config is None else config
    paths = [folder / CONFIG_FILE, *matching_files(folder, config)]
    try:
        return order_free_digest(
            digest(path.relative_to(folder).as_posix(), file_digest(path)) for path in paths
        )
    except OSError as error:
        raise DataError(
            f"{error.filename} cannot be read: {error.strerror}. Give the user who runs Sluice "
            "the right to read it."
        ) from None


def folder_stamp(folder: Path) -> str:
    """Stamp the names, sizes and times of a folder's files, without reading any.

    An equal stamp means that nothing was written; a new stamp is a reason to look at
    `folder_digest`. Hidden files do not count. Cost: one ``stat`` a file.

    Parameters
    ----------
    folder : Path
        The dataset's folder; one that does not exist has a stamp, too.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    marks: list[str] = []
    for path in folder.rglob("*"):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        try:
            status = path.stat()
        except OSError:
            # Deleted or made unreadable while we looked: the next stamp tells.
            continue
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            marks.append(digest(name, str(status.st_size), str(status.st_mtime_ns)))
    return order_free_digest(marks)
