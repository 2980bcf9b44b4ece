"""Artifacts of MLflow in a workspace that was moved: its database names them by their old place."""

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path

_LAYOUT = "/mlflow/artifacts"
_PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("logged_models", "artifact_location"),
)
BUSY_SECONDS = 60.0


@cache
def bring_over(database: Path, root: Path) -> None:
    """Let a database name the artifacts below `root`, where it named them in another workspace.

    Once a process; the old workspace is left as it is. An experiment whose files are in the old
    place alone keeps it.

    Parameters
    ----------
    database : Path
        MLflow's SQLite database, in the default place of the workspace.
    root : Path
        The default folder of artifacts of the same workspace.
    """
    if not database.exists():
        return
    with closing(sqlite3.connect(database, timeout=BUSY_SECONDS)) as connection, connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if "experiments" not in tables:
            return
        for name, place in connection.execute(
            "SELECT name, artifact_location FROM experiments"
        ).fetchall():
            new = root / name
            old = Path(str(place))
            known = str(old.parent).endswith(_LAYOUT) and old.name == name
            if not known or old == new or (old.is_dir() and not new.is_dir()):
                continue
            for table, column in _PLACES:
                if table in tables:
                    connection.execute(
                        f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                        f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                        [str(new), len(place) + 1, place, len(place) + 1, f"{place}/"],
                    )
