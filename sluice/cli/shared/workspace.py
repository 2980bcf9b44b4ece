"""The way from the command line into the workspace: its folder, its modules, its Dagster home.

The one part of `sluice` that may import the workspace; everything is imported inside functions,
so that commands that need no workspace run without one.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluice.cli.shared.common import warn
from sluice.cli.shared.finding import find_workspace
from sluice.core.drafts import clear_drafts, draft
from sluice.core.errors import ConfigError, SluiceError

if TYPE_CHECKING:
    import dagster as dg


def enter() -> Path:
    """Make the workspace importable and give Dagster its home; return the workspace's folder.

    Raises
    ------
    ConfigError
        If there is no workspace here or above, or Dagster's folder cannot be written.
    """
    root = find_workspace()
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    # Dagster wants the whole path.
    home = Path(os.environ.get("DAGSTER_HOME") or root / ".dagster").absolute()
    os.environ["DAGSTER_HOME"] = str(home)
    settings, copy = root / "dagster.yaml", home / "dagster.yaml"
    try:
        home.mkdir(parents=True, exist_ok=True)
        if settings.exists() and (not copy.exists() or copy.read_bytes() != settings.read_bytes()):
            # In one step: another process may be reading it.
            with draft(copy) as hidden:
                shutil.copyfile(settings, hidden)
                hidden.replace(copy)
    except OSError as error:
        raise ConfigError(
            f"Dagster's folder {home} cannot be written: {error.strerror}. Make it writable for "
            "this user, or set DAGSTER_HOME to a folder that is."
        ) from None
    _clear_left_overs()
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    return root


def _clear_left_overs() -> None:
    """Remove what commands that were killed have left in the folders that all commands share."""
    from resources import paths

    datasets = paths.datasets_root()
    folders = [datasets, *(path for path in datasets.glob("*") if path.is_dir())]
    written = (*paths.weights_roots(), paths.searches_root(), paths.home() / "reports")
    for folder in (*folders, *written, paths.models_root()):
        clear_drafts(folder)


def dagster_instance() -> dg.DagsterInstance:
    """Return the Dagster instance of the workspace.

    Dagster makes the tables of a new home without a lock, and several first runs at once would
    spoil each other's.
    """
    enter()
    import dagster as dg
    from filelock import FileLock, Timeout
    from sqlalchemy.exc import SQLAlchemyError

    lock = FileLock(Path(os.environ["DAGSTER_HOME"]) / "tables.lock")
    try:
        lock.acquire(timeout=10)
    except Timeout:
        warn("Waiting for another command that makes or opens Dagster's tables.")
        lock.acquire()
    try:
        instance = dg.DagsterInstance.get()
        # Each storage makes its tables when it is first asked for.
        _ = instance.run_storage, instance.event_log_storage, instance.schedule_storage
        return instance
    except SQLAlchemyError as error:
        raise ConfigError(
            f"Dagster's record of runs in {os.environ['DAGSTER_HOME']} cannot be opened "
            f"({error.args[0] if error.args else error}). Restore the folder from a backup, or "
            "move it away: a new record begins, and no row is lost."
        ) from None
    finally:
        lock.release()


def folders() -> list[str]:
    """Return the names of the folders of datasets; none where there is no root yet."""
    try:
        return resource("datasets").folders()
    except SluiceError:
        return []


def resource(name: str) -> Any:
    """Return one of the resources that `definitions.py` wires."""
    enter()
    from definitions import defs

    return (defs.resources or {})[name]
