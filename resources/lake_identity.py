"""Which catalogue the data files belong to, so that neither is ever taken for another's.

A lake has an identity, kept in its catalogue and in a small file beside its data. Where both are
moved or restored together they fit each other in any place. Where one is missing, empty or of
another lake, the lake is not opened: its maintenance would delete files that are another's.
Data in an object store have no such file; there DuckLake's own check of the prefix holds.
"""

import json
import os
import uuid
from pathlib import Path

import duckdb

from resources.lake_errors import LakeError

NAME = "lake.json"
_KEY = "sluice_identity"
_METADATA = "__ducklake_metadata_lake"
_README = "See `Back up, move and restore` in docs/refresh.md."


def is_remote(data: str) -> bool:
    """Whether a data path is a prefix of an object store, and no folder."""
    return "://" in data


def check_none_there(connection: duckdb.DuckDBPyConnection, data: str, catalog: str) -> None:
    """Check that a place where a new lake is to be made holds no data of another.

    Raises
    ------
    LakeError
        If there are data files, or the mark of a lake: their catalogue is missing or empty.
    """
    files, mark = _files(connection, data), not is_remote(data) and (Path(data) / NAME).exists()
    if files or mark:
        raise LakeError(
            f"The catalogue {catalog} is missing or empty, but {data} holds "
            f"{len(files):,} data files of a lake. Nothing was created or changed. If the "
            "catalogue was lost, restore it from a backup taken with these files; if they are of "
            f"another lake, choose another folder; if neither matters, move {data} away. {_README}"
        )


def settle(connection: duckdb.DuckDBPyConnection, data: str, catalog: str, *, shared: bool) -> None:
    """Check that catalogue and data belong together; the caller is alone with the lake.

    A lake that is older than identities is given one.

    Parameters
    ----------
    connection : DuckDBPyConnection
        With the lake attached.
    data : str
        Folder or prefix of the data.
    catalog : str
        How the catalogue is called in messages.
    shared : bool
        Whether the catalogue is in a server: a workspace that is moved takes its own along, one
        in a server is everyone's.

    Raises
    ------
    LakeError
        If they are of two lakes.
    """
    found = connection.execute(
        f"SELECT value FROM {_METADATA}.ducklake_metadata WHERE key = '{_KEY}'"
    ).fetchone()
    own = str(found[0]) if found else None
    beside = None if is_remote(data) else _read(Path(data) / NAME)
    if own is not None and (own == beside or is_remote(data)):
        return
    if beside is not None:
        raise LakeError(
            f"The data files in {data} are of another lake than the catalogue {catalog}: they "
            f"carry the identity {beside}, the catalogue {own or 'none'}. Nothing was changed. "
            "Restore the catalogue and the data from the same backup, or give this catalogue its "
            f"own data path. {_README}"
        )
    if not is_remote(data):
        _check_own_files(connection, data, catalog, shared=shared)
    if own is None:
        own = str(uuid.uuid4())
        connection.execute(
            f"INSERT INTO {_METADATA}.ducklake_metadata (key, value) VALUES ('{_KEY}', ?)", [own]
        )
    # Second: a catalogue with an identity takes data without one where the files are its own.
    if not is_remote(data):
        _write(Path(data) / NAME, own)


def _check_own_files(
    connection: duckdb.DuckDBPyConnection, data: str, catalog: str, *, shared: bool
) -> None:
    """Check that data without a mark are those of the catalogue, by the names of the files.

    Raises
    ------
    LakeError
        If the catalogue lists files and none is there, or there are files and it has no row.
    """
    listed = {
        Path(path).name
        for (path,) in connection.execute(
            f"SELECT path FROM {_METADATA}.ducklake_data_file"
        ).fetchall()
    }
    there = {Path(path).name for path in _files(connection, data)}
    if listed & there:
        return
    where = connection.execute(
        f"SELECT value FROM {_METADATA}.ducklake_metadata WHERE key = 'data_path'"
    ).fetchone()
    elsewhere = str(where[0]).rstrip("/") if where else data
    if listed:
        raise LakeError(
            f"The catalogue {catalog} lists {len(listed):,} data files, and none of them is in "
            f"{data}. Nothing was changed. They were in {elsewhere}: restore that folder from the "
            f"same backup as the catalogue, or set the data path to where they are. {_README}"
        )
    rows = connection.execute(
        f"SELECT coalesce(sum(record_count), 0) FROM {_METADATA}.ducklake_table_stats"
    ).fetchone()
    if there and not (rows and rows[0]):
        check_none_there(connection, data, catalog)
    if shared and os.path.abspath(elsewhere) != os.path.abspath(data):
        raise LakeError(
            f"The catalogue {catalog} keeps its data in {elsewhere}, not in {data}. Set the data "
            f"path of the resource lake to a folder that all machines share. {_README}"
        )


def _files(connection: duckdb.DuckDBPyConnection, data: str) -> list[str]:
    """Return the data files in a folder or below a prefix."""
    if is_remote(data):
        found = connection.execute("SELECT file FROM glob(?)", [f"{data.rstrip('/')}/**/*.parquet"])
        return [path for (path,) in found.fetchall()]
    return [str(path) for path in Path(data).rglob("*.parquet")]


def _read(mark: Path) -> str | None:
    """Return the identity that lies beside the data, or None where there is none."""
    try:
        return str(json.loads(mark.read_text("utf-8"))["identity"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise LakeError(
            f"{mark} cannot be read: it should hold the identity of the lake. Restore it, or "
            "delete it if the data files beside it are this catalogue's; it is then made anew."
        ) from None


def _write(mark: Path, identity: str) -> None:
    mark.parent.mkdir(parents=True, exist_ok=True)
    said = "The data files here belong to the catalogue with this identity. Keep them together."
    part = mark.with_suffix(".part")
    part.write_text(json.dumps({"identity": identity, "note": said}, indent=2) + "\n", "utf-8")
    os.replace(part, mark)
