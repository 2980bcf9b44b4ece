"""The folder of datasets, as a resource."""

import os
from pathlib import Path

from pydantic import Field

from resources.paths import datasets_root
from resources.settled import SettledResource
from sluice.core.errors import SluiceError
from sluice.data.config import DatasetConfig, check_folder_name, load_config


class DatasetsRootError(SluiceError, OSError):
    """The folder of datasets cannot be read."""


class Datasets(SettledResource):
    """Finds datasets: each is a folder with a `dataset.yaml`."""

    root: str = Field(
        default="", description="Folder of the datasets; default `$SLUICE_DATASETS` or `datasets`."
    )

    @property
    def folder(self) -> Path:
        """The folder in force."""
        return Path(self.root).resolve() if self.root else datasets_root()

    def folders(self) -> list[str]:
        """Return the names of all folders below the root, with or without a `dataset.yaml`.

        Hidden ones are left out: `sluice add` fills one before it takes its name.

        Raises
        ------
        DatasetsRootError
            If the root cannot be read; that never means that the datasets are gone.
        """
        try:
            with os.scandir(self.folder) as entries:
                return sorted(entry.name for entry in entries if _is_folder(entry))
        except OSError as error:
            raise DatasetsRootError(
                f"The folder of datasets {self.folder} cannot be read ({error.strerror}). Create "
                "it with `sluice add`, or set SLUICE_DATASETS to the folder that holds them."
            ) from error

    def names(self) -> list[str]:
        """Return the names of the datasets that are there, sorted.

        Raises
        ------
        DatasetsRootError
            If the root cannot be read.
        """
        return [name for name in self.folders() if _is_there(self.folder / name / "dataset.yaml")]

    def config(self, name: str) -> DatasetConfig:
        """Return the checked configuration of one dataset.

        Raises
        ------
        ConfigError
            If it is not valid, or the folder has a name that no partition can have.
        """
        check_folder_name(name)
        return load_config(self.folder / name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.name[:1] != "." and entry.is_dir()
    except OSError:
        # A link to itself, for example: that is no dataset, and says nothing about the others.
        return False


def _is_there(path: Path) -> bool:
    """Whether a file is there, also one that may not be looked at: reading it says why."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True
