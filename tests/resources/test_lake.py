"""The lake: all or nothing, nothing lost between processes, and errors that people can act on."""

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def locked(path: Path, begin: str = "BEGIN EXCLUSIVE") -> Iterator[int]:
    """Keep a SQLite catalogue locked from another process; give its number.

    SQLite's locks do not hold between two libraries in one process.
    """
    script = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute(sys.argv[2]); print('locked', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path), begin],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == "locked"
        yield other.pid


def test_a_catalogue_that_stays_locked_is_named(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path), wait=0.2)
    add(lake, "a")
    with locked(tmp_path / "catalog.sqlite") as process:
        began = time.monotonic()
        with pytest.raises(LakeError, match=rf"stayed locked by .* \(process {process}\)"):
            add(lake, "b")
        assert time.monotonic() - began < 5
    add(lake, "c")
    assert count(lake) == 2


@pytest.mark.parametrize("begin", ["BEGIN EXCLUSIVE", "BEGIN IMMEDIATE"])
def test_a_locked_catalogue_is_waited_for_and_written_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, begin: str
) -> None:
    assert Lake().wait == 120
    lake = Lake(root=str(tmp_path))
    add(lake, "a")
    # More tries than there ever were before: only time ends the waiting.
    monkeypatch.setattr("resources.lake.SAY_AFTER", 0.1)
    monkeypatch.setattr("resources.lake.LONGEST_PAUSE", 0.02)
    with caplog.at_level("WARNING", "sluice.stage"):
        with locked(tmp_path / "catalog.sqlite", begin) as process:
            late = threading.Thread(target=add, args=(lake, "b"))
            late.start()
            late.join(2)
            assert late.is_alive()
        late.join(30)
    assert f"locked by process {process}; waiting for it" in caplog.text
    assert caplog.text.count("waiting for it") == 1
    assert lake.read("SELECT dataset FROM refreshes ORDER BY ALL")["dataset"].to_pylist() == [
        "a",
        "b",
    ]


def test_a_writer_is_waited_for_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lake = Lake(root=str(tmp_path))
    add(lake, "a")
    monkeypatch.setattr("resources.lake.SAY_AFTER", 0.1)
    script = (
        "import sys; from filelock import FileLock; lock = FileLock(sys.argv[1]); lock.acquire()\n"
        "print('held', flush=True); sys.stdin.read()\n"
    )
    with (
        caplog.at_level("WARNING", "sluice.stage"),
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / "writer.lock")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as other,
    ):
        assert other.stdout is not None
        assert other.stdout.readline().strip() == "held"
        late = threading.Thread(target=add, args=(lake, "b"))
        late.start()
        late.join(1)
        assert late.is_alive()
        other.communicate("")
        late.join(30)
    assert f"The lake is being written by process {other.pid}; waiting for it." in caplog.text
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
