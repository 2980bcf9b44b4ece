"""Where the workspace is: upward from here, or where the environment says."""

from __future__ import annotations

import os
from pathlib import Path

from sluice.core.errors import ConfigError

WORKSPACE_FILE = "workspace.yaml"


def find_workspace(start: Path | None = None) -> Path:
    """Return the folder of the nearest `workspace.yaml`, upward from `start`.

    Parameters
    ----------
    start : Path, optional
        Where to begin; the current folder where not given. The environment variable
        ``SLUICE_WORKSPACE`` (a folder, or its `workspace.yaml`) goes before both.

    Returns
    -------
    Path
        Absolute folder.

    Raises
    ------
    ConfigError
        Where there is none.
    """
    given = os.environ.get("SLUICE_WORKSPACE")
    if given:
        folder = Path(given).expanduser().resolve()
        folder = folder.parent if folder.name == WORKSPACE_FILE else folder
        if not (folder / WORKSPACE_FILE).is_file():
            raise ConfigError(
                f"SLUICE_WORKSPACE is {given!r}, but {folder / WORKSPACE_FILE} does not exist. "
                "Set it to the folder that holds workspace.yaml, or unset it."
            )
        return folder
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / WORKSPACE_FILE).is_file():
            return folder
    raise ConfigError(
        f"No {WORKSPACE_FILE} in {here} or any folder above it. Change into Sluice's workspace, "
        "or set SLUICE_WORKSPACE to its folder."
    )
