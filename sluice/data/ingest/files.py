"""Which files make a dataset, and whether they changed."""

from __future__ import annotations

import os
import stat
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sluice.core.bounded import MOST_FILES, digests_of_reads, limit
from sluice.core.digests import digest, file_digest, order_free_digest
from sluice.core.errors import DataError, printable
from sluice.data.config import CONFIG_FILE, DatasetConfig, load_config
from sluice.data.readers.contract import readers
from sluice.data.readers.saved_folder import arrow_files, is_saved


def file_kind(path: Path, suffixes: tuple[str, ...] = ()) -> str:
    """Return which of some suffixes a file has, by default of all that are read.

    Raises
    ------
    DataError
        Where it has none of them, or is not UTF-8: rows record the names of their files.
    """
    name, suffixes = _text(path.name).lower(), suffixes or tuple(readers())
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
        found = path.stat()
        if stat.S_ISREG(found.st_mode) and found.st_size == 0:
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
            found[_text(path.relative_to(folder).as_posix())] = path
            if len(found) > limit(MOST_FILES):
                raise _too_many(folder)
    return [found[name] for name in sorted(found)]


def _text(name: str) -> str:
    if printable(name) != name:
        raise DataError(
            f"The file name {printable(name)!r} holds bytes that are not UTF-8. Rename the file."
        )
    return name


def _matches(folder: Path, pattern: str) -> list[Path]:
    literal = folder / pattern
    try:
        if literal.exists() and not literal.is_dir():
            # Also what is no regular file: whatever reads it says so.
            return [literal]
        if is_saved(literal):
            return arrow_files(literal)
        paths = [
            path
            for path in folder.glob(pattern)
            if path.exists()
            and not path.is_dir()
            and not any(part.startswith(".") for part in path.relative_to(folder).parts)
            and path != folder / CONFIG_FILE
        ]
        here = sorted(path.name for path in folder.iterdir() if path.name != CONFIG_FILE)
    except OSError as error:
        raise DataError(
            f"{folder} cannot be listed: {error.strerror}. Give the user who runs Sluice the "
            "right to read the folder and the files in it."
        ) from None
    except (ValueError, NotImplementedError, RecursionError) as error:
        raise DataError(f"{pattern!r} under files in {folder} is no pattern: {error}.") from None
    if paths:
        return paths
    listed = printable(", ".join(here[:10])) or "nothing"
    if any(mark in pattern for mark in "*?["):
        raise DataError(
            f"No file in {folder} matches {pattern!r}; the folder holds {listed}. "
            f"Put files there or correct files in {CONFIG_FILE}."
        )
    raise DataError(
        f"{literal} does not exist; the folder holds {listed}. "
        f"Put the file there or correct files in {CONFIG_FILE}."
    )


@dataclass(frozen=True)
class Version:
    """What a dataset's folder holds at one moment.

    Attributes
    ----------
    config : DatasetConfig
        What `dataset.yaml` says, read of the very bytes that are digested.
    digest : str
        See `folder_digest`.
    """

    config: DatasetConfig
    digest: str


def folder_version(folder: Path) -> Version:
    """Read a dataset's configuration and digest what it is made of, with every byte read once.

    Raises
    ------
    ConfigError, DataError
        See `folder_digest`.
    """
    with digests_of_reads() as settings:
        config = load_config(folder)
    files = _digests(matching_files(folder, config))
    return Version(config, digest_of(folder, settings | files))


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
    if config is None:
        return folder_version(folder).digest
    files = _digests([folder / CONFIG_FILE, *matching_files(folder, config)])
    return digest_of(folder, files)


def _digests(paths: Iterable[Path]) -> dict[Path, str]:
    try:
        return {path: file_digest(path) for path in paths}
    except OSError as error:
        raise DataError(
            f"{error.filename} cannot be read: {error.strerror}. Give the user who runs Sluice "
            "the right to read it."
        ) from None


def digest_of(folder: Path, digests: Mapping[Path, str]) -> str:
    """Return the digest of a folder whose files have these digests."""
    return order_free_digest(
        digest(path.relative_to(folder).as_posix(), found) for path, found in digests.items()
    )


def _too_many(folder: Path) -> DataError:
    return DataError(
        f"{folder} holds more than {limit(MOST_FILES):,} files and folders, which is the limit. "
        "Join small files into larger ones; or set the environment variable "
        f"{MOST_FILES} to a larger number."
    )


def folder_stamp(folder: Path) -> str:
    """Stamp the names, sizes, times and inodes of a folder's files, without reading any.

    A new stamp is a reason to look at `folder_digest`; an equal one nearly always means that
    nothing was written: who sets back a file's time still changes that of its inode. Hidden files
    do not count. Cost: one ``stat`` a file.

    Parameters
    ----------
    folder : Path
        The dataset's folder; one that does not exist has a stamp, too.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    DataError
        There are more files than the limit.
    """
    marks: list[str] = []
    for entry in _walk(folder):
        try:
            found = entry.stat()
        except OSError:
            # Deleted or made unreadable while we looked: the next stamp tells.
            continue
        facts = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_mode)
        # As the system spells it: a name need not be UTF-8.
        name = os.fsencode(entry.path[len(os.fspath(folder)) :]).hex()
        marks.append(digest(name, *map(str, facts)))
    return order_free_digest(marks)


def _walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Yield what is no folder in a folder and those below it, but for what is hidden.

    Raises
    ------
    DataError
        There are more entries than the limit.
    """
    left, count, most = [os.fspath(folder)], 0, limit(MOST_FILES)
    while left:
        try:
            with os.scandir(left.pop()) as entries:
                for entry in entries:
                    count += 1
                    if count > most:
                        raise _too_many(folder)
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        left.append(entry.path)
                    else:
                        yield entry
        except OSError:
            # Gone or made unreadable while we looked: the next stamp tells.
            continue
