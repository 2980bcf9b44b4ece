"""A lake in another place, a restored one, and data whose catalogue is gone or another's."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from resources.lake import Lake, LakeError
from resources.store import purging, vectors
from resources.store.maintenance import maintain

KEYS = [f"k{i}" for i in range(40)]


def made(folder: Path, **settings: str) -> Lake:
    """Return a lake with data files, inlined rows, and its connection closed."""
    lake = Lake(root=str(folder), **settings)
    add(lake, "a")
    vectors.append(lake, KEYS, "e", np.eye(40, dtype=np.float32))
    lake.close()
    return lake


def add(lake: Lake, name: str) -> None:
    lake.write(
        lambda c: c.execute("INSERT INTO refreshes VALUES (?, 'd', 'r', now()::TIMESTAMP)", [name])
    )


def names(lake: Lake) -> list[str]:
    return lake.read("SELECT dataset FROM refreshes ORDER BY dataset")["dataset"].to_pylist()


def state(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, but for the locks and what SQLite keeps beside."""
    left_out = (".lock", "-shm", "-wal")
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(left_out)
    }


def without_identity(folder: Path) -> None:
    """Make a lake one of before there were identities."""
    (folder / "data" / "lake.json").unlink()
    with sqlite3.connect(folder / "catalog.sqlite") as catalogue:
        catalogue.execute("DELETE FROM ducklake_metadata WHERE key = 'sluice_identity'")
    catalogue.close()


@pytest.mark.parametrize(("old_stays", "older"), [(True, False), (False, True)])
def test_a_lake_in_another_place_reads_writes_and_is_maintained(
    tmp_path: Path, old_stays: bool, older: bool
) -> None:
    old, new = tmp_path / "old", tmp_path / "a 'new' place" / "lake"
    made(old)
    if older:
        without_identity(old)
    shutil.copytree(old, new)
    before = state(old)
    if not old_stays:
        shutil.rmtree(old)
    lake = Lake(root=str(new))
    assert names(lake) == ["a"]
    assert np.array_equal(vectors.read(lake, KEYS[::-1]), np.eye(40, dtype=np.float32)[::-1])
    vectors.append(lake, ["new"], "e", np.ones((1, 40), np.float32))
    vectors.append(lake, [f"n{i}" for i in range(20)], "e", np.ones((20, 40), np.float32))
    add(lake, "b")
    maintain(lake, keep_days=0, longest_transaction=timedelta(0))
    purging.rewrite(lake)
    lake.close()
    assert names(lake) == ["a", "b"]
    assert vectors.missing(lake, [*KEYS, "new", "n3", "no"]) == {"no"}
    assert len(list((new / "data").rglob("*.parquet"))) == 2
    lake.close()
    assert old.exists() == old_stays
    if old_stays:
        assert state(old) == before
        again = Lake(root=str(old))
        assert names(again) == ["a"]
        again.close()


def _gone(catalogue: Path) -> None:
    for path in catalogue.parent.glob("catalog.sqlite*"):
        path.unlink()


def _empty(catalogue: Path) -> None:
    _gone(catalogue)
    catalogue.touch()


def _no_tables(catalogue: Path) -> None:
    _gone(catalogue)
    sqlite3.connect(catalogue).close()


def _of_a_new_lake(catalogue: Path) -> None:
    _gone(catalogue)
    other = catalogue.parent.parent / "other"
    Lake(root=str(other)).snapshot()
    Lake(root=str(other)).close()
    shutil.copy(other / "catalog.sqlite", catalogue)


def _of_another_lake(catalogue: Path) -> None:
    _gone(catalogue)
    made(catalogue.parent.parent / "other")
    shutil.copy(catalogue.parent.parent / "other" / "catalog.sqlite", catalogue)


@pytest.mark.parametrize(
    ("lose", "older"),
    [
        (_gone, True),
        (_empty, False),
        (_no_tables, False),
        (_of_a_new_lake, False),
        (_of_a_new_lake, True),
        (_of_another_lake, False),
        (_of_another_lake, True),
    ],
)
def test_data_without_their_catalogue_are_left_alone(
    tmp_path: Path, lose: Callable[[Path], None], older: bool
) -> None:
    folder = tmp_path / "lake"
    made(folder)
    kept = tmp_path / "backup"
    shutil.copytree(folder, kept)
    if older:
        without_identity(folder)
    lose(folder / "catalog.sqlite")
    if older and lose in (_of_a_new_lake, _of_another_lake):
        without_identity_key(folder)
    before = state(folder / "data")
    lake = Lake(root=str(folder))
    for work in (
        lambda: names(lake),
        lambda: add(lake, "b"),
        lambda: maintain(lake, keep_days=0, longest_transaction=timedelta(0)),
        lambda: purging.purge(lake, "d"),
    ):
        with pytest.raises(LakeError, match=r"[Nn]othing was.* changed.*[Rr]estore|restore") as no:
            work()
        assert str(folder) in str(no.value)
    assert state(folder / "data") == before
    # What the message says helps.
    _gone(folder / "catalog.sqlite")
    shutil.rmtree(folder / "data")
    shutil.copytree(kept, folder, dirs_exist_ok=True)
    assert names(lake) == ["a"]
    assert not vectors.missing(lake, KEYS)
    lake.close()


def without_identity_key(folder: Path) -> None:
    with sqlite3.connect(folder / "catalog.sqlite") as catalogue:
        catalogue.execute("DELETE FROM ducklake_metadata WHERE key = 'sluice_identity'")
    catalogue.close()


def test_a_catalogue_without_its_data_says_where_they_were(tmp_path: Path) -> None:
    folder = tmp_path / "lake"
    made(folder)
    shutil.move(folder / "data", tmp_path / "elsewhere")
    with pytest.raises(LakeError, match=f"lists 1 data files.*They were in {folder / 'data'}"):
        names(Lake(root=str(folder)))
    assert not (folder / "data").exists()
    lake = Lake(root=str(folder), data_path=str(tmp_path / "elsewhere"))
    assert not vectors.missing(lake, KEYS)
    lake.close()


def test_two_lakes_never_share_their_data(tmp_path: Path) -> None:
    shared = str(tmp_path / "data")
    made(tmp_path / "one", data_path=shared)
    with pytest.raises(LakeError, match=r"missing or empty, but .* 1 data files of a lake"):
        made(tmp_path / "two", data_path=shared)
    made(tmp_path / "three")
    lake = Lake(root=str(tmp_path / "three"), data_path=shared)
    with pytest.raises(LakeError, match="are of another lake"):
        maintain(lake, longest_transaction=timedelta(0))
    one = Lake(root=str(tmp_path / "one"), data_path=shared)
    assert not vectors.missing(one, KEYS)
    one.close()


def test_a_mark_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    made(tmp_path)
    (tmp_path / "data" / "lake.json").write_text("{")
    with pytest.raises(LakeError, match=r"lake\.json cannot be read"):
        names(Lake(root=str(tmp_path)))
    (tmp_path / "data" / "lake.json").unlink()
    lake = Lake(root=str(tmp_path))
    assert names(lake) == ["a"]
    lake.close()
    assert json.loads((tmp_path / "data" / "lake.json").read_text())["identity"]


def test_a_missing_data_file_is_named(tmp_path: Path) -> None:
    made(tmp_path)
    (path,) = (tmp_path / "data").rglob("*.parquet")
    path.unlink()
    lake = Lake(root=str(tmp_path))
    with pytest.raises(LakeError, match="names a data file that is not there"):
        vectors.read(lake, KEYS)
    lake.close()


@pytest.mark.parametrize("content", [b"\x93" * 100_000, None], ids=["noise", "cut"])
def test_a_damaged_catalogue_is_named(tmp_path: Path, content: bytes | None) -> None:
    made(tmp_path)
    path = tmp_path / "catalog.sqlite"
    path.write_bytes(content or path.read_bytes()[:40_000])
    with pytest.raises(LakeError, match=r"catalogue of .* cannot be opened.*[Rr]estore|restore"):
        names(Lake(root=str(tmp_path)))


def test_a_damaged_data_file_is_named(tmp_path: Path) -> None:
    made(tmp_path)
    (path,) = (tmp_path / "data").rglob("*.parquet")
    path.write_bytes(path.read_bytes()[:200])
    lake = Lake(root=str(tmp_path))
    with pytest.raises(LakeError, match=r"data file of the lake .* is damaged\. Restore it"):
        vectors.read(lake, KEYS)
    lake.close()


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    with pytest.raises(LakeError, match="set SLUICE_HOME"):
        names(Lake(root=str(tmp_path / "home" / "lake")))
