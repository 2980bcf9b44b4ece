"""The lake: all or nothing, nothing lost between processes, and errors that people can act on."""

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC
from pathlib import Path

import duckdb
import numpy as np
import pytest

from resources.lake import Lake, LakeError
from resources.store import vectors


def count(lake: Lake) -> int:
    return lake.read("SELECT count(*) AS n FROM refreshes")["n"][0].as_py()


def add(lake: Lake, name: str) -> None:
    lake.write(
        lambda c: c.execute("INSERT INTO refreshes VALUES (?, 'd', 'r', now()::TIMESTAMP)", [name])
    )


def test_a_failed_transaction_keeps_nothing(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path))

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.execute("INSERT INTO refreshes VALUES ('a', 'd', 'r', now()::TIMESTAMP)")
        raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        lake.write(work)
    assert count(lake) == 0
    add(lake, "a")
    assert count(lake) == 1


def test_vectors_come_back_bit_for_bit_and_once(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path))
    rng = np.random.default_rng(0)
    given = rng.normal(size=(50, 7)).astype(np.float32)
    given[0, :3] = [-0.0, np.float32(1e-42), np.inf]
    keys = [f"k{i}" for i in range(50)]
    vectors.append(lake, keys, "e", given)
    vectors.append(lake, keys[:10], "e", given[:10] + 1)
    assert vectors.missing(lake, ["k3", "new"]) == {"new"}
    read = vectors.read(lake, keys[::-1])
    assert read.tobytes() == np.ascontiguousarray(given[::-1]).tobytes()
    with pytest.raises(KeyError):
        vectors.read(lake, ["new"])


def _append_many(folder: str, worker: int) -> None:
    lake = Lake(root=folder)
    for i in range(10):
        add(lake, f"{worker}-{i}")


def test_four_processes_lose_nothing_while_a_reader_stays_open(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path))
    add(lake, "first")
    reader = lake._cursor()
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM refreshes").fetchone() == (1,)
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_append_many, args=(str(tmp_path), i)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    assert reader.execute("SELECT count(*) FROM refreshes").fetchone() == (1,)
    reader.execute("ROLLBACK")
    names = lake.read("SELECT dataset FROM refreshes")["dataset"].to_pylist()
    assert len(names) == len(set(names)) == 41


def test_a_killed_writer_leaves_a_lake_that_works(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path))
    add(lake, "before")
    script = (
        "import os, sys; sys.path.insert(0, sys.argv[2])\n"
        "from resources.lake import Lake\n"
        "def work(c):\n"
        "    c.execute(\"INSERT INTO refreshes SELECT 'x', 'd', 'r', now()::TIMESTAMP "
        'FROM range(5000)")\n'
        "    print('inserted', flush=True)\n"
        "    import time; time.sleep(60)\n"
        "Lake(root=sys.argv[1]).write(work)\n"
    )
    workspace = str(Path(__file__).resolve().parents[2])
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path), workspace], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "inserted"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert count(lake) == 1
    add(lake, "after")
    assert count(lake) == 2


def test_a_catalogue_that_stays_locked_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake(root=str(tmp_path))
    add(lake, "a")
    # Another process: SQLite's locks do not hold between two libraries in one process.
    script = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('BEGIN EXCLUSIVE'); print('locked', flush=True); sys.stdin.read()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "catalog.sqlite")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout is not None
    assert other.stdout.readline().strip() == "locked"
    monkeypatch.setattr("resources.lake.MOST_ATTEMPTS", 1)
    with pytest.raises(LakeError, match="stayed locked by another process"):
        add(lake, "b")
    other.communicate("")
    add(lake, "c")
    assert count(lake) == 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    """Return a folder on a file system of 3 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if shutil.which("mount") is None or os.getuid() != 0:
        pytest.skip("needs root and mount to make a small file system")
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], capture_output=True
    )
    if made.returncode:
        pytest.skip("this machine does not let root mount a tmpfs")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_named_and_loses_nothing(small_disk: Path) -> None:
    lake = Lake(root=str(small_disk))
    add(lake, "a")
    big = np.random.default_rng(0).normal(size=(4000, 384)).astype(np.float32)
    with pytest.raises(LakeError, match="is full"):
        vectors.append(lake, [f"k{i}" for i in range(4000)], "e", big)
    assert count(lake) == 1
    assert vectors.missing(lake, ["k0"]) == {"k0"}
    lake.close()


def test_a_read_only_lake_is_named(small_disk: Path) -> None:
    lake = Lake(root=str(small_disk))
    add(lake, "a")
    lake.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(LakeError, match="cannot be written"):
        add(lake, "b")
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    lake.close()
    assert count(lake) == 1
    lake.close()


@pytest.fixture
def postgres(tmp_path: Path) -> str:
    """Start a PostgreSQL server of this test's own and return how to reach it."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("PostgreSQL's server programs are not installed")
    bin_folder, data = found[-1].parent, tmp_path / "pg"
    as_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    if as_user:
        for part in (tmp_path, *tmp_path.parents):
            if part != Path("/") and part.stat().st_uid == 0:
                part.chmod(part.stat().st_mode | 0o011)
        data.mkdir()
        shutil.chown(data, "postgres")
    run = {"check": True, "capture_output": True}
    subprocess.run([*as_user, bin_folder / "initdb", "-D", data, "-A", "trust"], **run)
    port = 20000 + os.getpid() % 20000
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={data}"
    control = [*as_user, bin_folder / "pg_ctl", "-D", data, "-w"]
    subprocess.run([*control, "-l", data / "log", "-o", options, "start"], **run)
    user = "postgres" if as_user else os.environ.get("USER", "postgres")
    yield f"host=127.0.0.1 port={port} user={user} dbname=postgres"
    subprocess.run([*control, "-m", "immediate", "stop"], **run)


def _append_to_postgres(folder: str, catalog: str, worker: int) -> None:
    lake = Lake(root=folder, catalog=catalog)
    for i in range(5):
        add(lake, f"{worker}-{i}")


@pytest.mark.postgres
def test_a_postgres_catalogue_serves_several_processes(tmp_path: Path, postgres: str) -> None:
    lake = Lake(root=str(tmp_path / "lake"), catalog=postgres)
    add(lake, "first")
    context = multiprocessing.get_context("spawn")
    folder = str(tmp_path / "lake")
    workers = [
        context.Process(target=_append_to_postgres, args=(folder, postgres, i)) for i in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    given = np.eye(3, dtype=np.float32)
    vectors.append(lake, ["a", "b", "c"], "e", given)
    assert np.array_equal(vectors.read(lake, ["c", "a"]), given[[2, 0]])
    assert count(lake) == 16
    before = lake.snapshot()
    add(lake, "last")
    old = lake.read(f"SELECT count(*) AS n FROM refreshes AT (VERSION => {before})")
    assert (old["n"][0].as_py(), count(lake)) == (16, 17)
    lake.close()


def test_times_do_not_depend_on_the_time_zone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        lake = Lake(root=str(tmp_path))
        add(lake, "a")
        (noted,) = lake.read("SELECT refreshed_at FROM refreshes")["refreshed_at"].to_pylist()
    finally:
        monkeypatch.undo()
        time.tzset()
    assert abs(noted.replace(tzinfo=UTC).timestamp() - time.time()) < 60


def test_reading_an_older_snapshot(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path))
    add(lake, "a")
    before = lake.snapshot()
    time.sleep(0.01)
    add(lake, "b")
    old = lake.read(f"SELECT dataset FROM refreshes AT (VERSION => {before})")
    assert old["dataset"].to_pylist() == ["a"]
    assert lake.snapshot() > before
