"""Several machines on one lake in Postgres: nothing twice, nothing written by a late one."""

import logging
import multiprocessing
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from queue import Empty
from typing import Any

import duckdb
import numpy as np
import psycopg
import pyarrow as pa
import pytest
from chosen import put_rows

from resources import orphaned_runs as dead_runs
from resources import postgres_locks
from resources.lake import Lake, LakeError
from resources.locks import hold, lock_of
from resources.store import graphs, records, rows, vectors
from resources.store.maintenance import maintain
from sluice.graphs.knn import KnnGraph

pytestmark = pytest.mark.postgres
SHARDS, ROWS = 6, 50


def machine(folder: Path, catalog: str, name: str) -> Lake:
    """Return the lake as one machine sees it: its own home, the data shared."""
    return Lake(root=str(folder / name), catalog=catalog, data_path=str(folder / "data"))


@pytest.fixture
def machines(tmp_path: Path, postgres: str) -> Iterator[tuple[Lake, Lake]]:
    both = (machine(tmp_path, postgres, "one"), machine(tmp_path, postgres, "two"))
    yield both
    for lake in both:
        lake.close()


def add(lake: Lake, name: str) -> None:
    lake.write(
        lambda c: c.execute("INSERT INTO refreshes VALUES (?, 'd', 'r', now()::TIMESTAMP)", [name])
    )


def count(lake: Lake) -> int:
    return lake.read("SELECT count(*) AS n FROM refreshes")["n"][0].as_py()


def shard(number: int) -> tuple[list[str], np.ndarray]:
    made = np.random.default_rng(number).random((ROWS, 8), dtype=np.float32)
    return [f"h{number}-{i}" for i in range(ROWS)], made


def _work(folder: Path, catalog: str, name: str, barrier: Any, said: Any) -> None:
    try:
        lake = machine(folder, catalog, name)
        barrier.wait(60)
        lake.snapshot()
        for number in range(SHARDS):
            hashes, made = shard(number)
            barrier.wait(60)
            vectors.append(lake, hashes, "e", made)
        for number in range(3):
            add(lake, f"{name}-{number}")
        said.put("done")
    except BaseException as error:
        said.put(f"{type(error).__name__}: {error}")


def test_two_machines_connect_first_and_store_the_same_at_once(
    tmp_path: Path, postgres: str
) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, said = context.Barrier(2), context.Queue()
    workers = [
        context.Process(target=_work, args=(tmp_path, postgres, name, barrier, said))
        for name in ("one", "two")
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    heard = []
    while len(heard) < 2:
        try:
            heard.append(said.get(timeout=5))
        except Empty:
            break
    assert heard == ["done", "done"]
    lake = machine(tmp_path, postgres, "three")
    stored = lake.read("SELECT count(*) AS n, count(DISTINCT input_hash) AS d FROM embeddings")
    assert stored.to_pylist() == [{"n": SHARDS * ROWS, "d": SHARDS * ROWS}]
    for number in range(SHARDS):
        hashes, made = shard(number)
        assert np.array_equal(vectors.read(lake, hashes[::-1]), made[::-1])
    assert count(lake) == 6
    before = lake.snapshot()
    add(lake, "last")
    old = lake.read(f"SELECT count(*) AS n FROM refreshes AT (VERSION => {before})")
    assert (old["n"][0].as_py(), count(lake)) == (6, 7)
    lake.close()


def test_what_another_commits_in_between_is_seen_by_a_second_try(
    machines: tuple[Lake, Lake],
) -> None:
    """Also where the writer's lock was lost: the commit itself finds out."""
    one, two = machines
    hashes, _ = shard(0)
    two.snapshot()
    tries = []

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        absent = vectors.missing(two, hashes) if tries else set(hashes)
        cursor.execute("SELECT count(*) FROM embeddings").fetchall()
        if not tries:
            # Past the lock, as a machine that believes to hold it.
            other = two._cursor()
            other.execute("INSERT INTO embeddings VALUES ('h0-0', 'e', [1.0, 2.0])")
        tries.append(len(absent))
        cursor.register("absent", pa.table({"h": sorted(absent)}))
        cursor.execute("INSERT INTO embeddings SELECT h, 'e', [3.0] FROM absent")

    one.write(work)
    assert tries == [ROWS, ROWS - 1]
    assert vectors.read(one, ["h0-0"]).tolist() == [[1.0, 2.0]]


def knn(ids: list[str]) -> KnnGraph:
    made = np.random.default_rng(0).normal(size=(len(ids), 4)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return KnnGraph.build(np.array(ids), made, 3, 1)


def cut_locks(catalog: str) -> None:
    """End every connection that holds a lock, as the server does when a machine is lost."""
    with psycopg.connect(catalog, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks "
            "WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
        )


def test_a_late_machine_writes_nothing(machines: tuple[Lake, Lake], postgres: str) -> None:
    one, two = machines
    old, new = [f"i{i:02}" for i in range(20)], [f"i{i:02}" for i in range(12)]
    with ExitStack() as first:
        first.enter_context(hold(one, "d", "run 1"))
        put_rows(one, "d", {name: f"text of {name}" for name in old})
        # Paused between two stages, and cut off; meanwhile the files change.
        cut_locks(postgres)
        with hold(two, "d", "run 2"):
            put_rows(two, "d", {name: f"text of {name}" for name in new})
            with pytest.raises(LakeError, match=r"lost its lock on dataset d.*run 2 \(process"):
                graphs.replace(one, "d", "knn", knn(old), old, "p")
            graphs.replace(two, "d", "knn", knn(new), new, "p")
        before = one.snapshot()
        for write in (
            lambda: graphs.replace(one, "d", "knn", knn(old), old, "p"),
            lambda: records.append_refresh(one, "d", "f", "r"),
            lambda: vectors.append(one, *shard(0)[:1], "e", shard(0)[1]),
            lambda: maintain(one),
        ):
            with pytest.raises(LakeError, match="lost its lock on dataset d"):
                write()
        assert one.snapshot() == before
    stored = graphs.read(two, "d", "knn", 3, 1)
    assert stored is not None
    assert stored.graph.ids.tolist() == new
    assert set(rows.read_instances(one, "d")["instance_id"].to_pylist()) == set(new)
    # It may begin again, and the lock is free for all.
    with hold(one, "d", "run 3"):
        add(one, "a")
    assert two.read("FROM fences").num_rows == 0


def test_a_lock_that_nobody_else_took_is_taken_again(
    machines: tuple[Lake, Lake], postgres: str
) -> None:
    one, two = machines
    with hold(one, "d", "run 1"):
        cut_locks(postgres)
        add(one, "a")
        assert not lock_of(two, "d").try_now()
    assert count(two) == 1


def test_a_second_machine_waits_and_says_for_whom(
    machines: tuple[Lake, Lake], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = machines
    monkeypatch.setattr(postgres_locks, "SAY_AFTER", 0.1)
    order: list[str] = []

    def second() -> None:
        with hold(two, "d", "run 2"):
            order.append("two")

    waiting = threading.Thread(target=second)
    with caplog.at_level(logging.WARNING, "sluice.stage"):
        with hold(one, "d", "run 1 of text_refresh"):
            waiting.start()
            until = time.monotonic() + 20
            while "in use by" not in caplog.text and time.monotonic() < until:
                time.sleep(0.05)
            # Other datasets do not wait, nor do writes.
            with hold(two, "e", "run 3"):
                add(two, "a")
            order.append("one")
        waiting.join(30)
    assert order == ["one", "two"]
    assert "Dataset d is in use by run 1 of text_refresh (process " in caplog.text


def test_a_writer_is_waited_for_by_name(
    machines: tuple[Lake, Lake], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = machines
    one.snapshot()
    two.snapshot()
    monkeypatch.setattr(postgres_locks, "SAY_AFTER", 0.1)
    with postgres_locks.writing(one.catalog):
        # As on another machine, where no thread of this process is known.
        monkeypatch.setattr(postgres_locks, "_WRITERS", {})
        with pytest.raises(LakeError, match=r"being written by process \d+ on "):
            two.alone(lambda _: None, wait=0.3)
        with caplog.at_level(logging.WARNING, "sluice.stage"):
            late = threading.Thread(target=add, args=(two, "late"))
            late.start()
            until = time.monotonic() + 20
            while "waiting for it" not in caplog.text and time.monotonic() < until:
                time.sleep(0.05)
        assert late.is_alive()
    late.join(30)
    assert count(one) == 1


def test_a_run_of_another_machine_is_not_dead(machines: tuple[Lake, Lake]) -> None:
    import dagster as dg

    one, two = machines
    run = dg.DagsterRun(job_name="text_refresh", tags={"dagster/partition": "d"})
    with hold(one, "d", "run 1"):
        assert not dead_runs._is_free(two, run)
    assert dead_runs._is_free(two, run)


def test_a_data_folder_that_is_not_shared_is_refused(tmp_path: Path, postgres: str) -> None:
    one = Lake(root=str(tmp_path / "one"), catalog=postgres)
    add(one, "a")
    two = Lake(root=str(tmp_path / "two"), catalog=postgres)
    with pytest.raises(LakeError, match=r"keeps its data in .*one/data, not in .*two/data"):
        two.snapshot()
    one.write(
        lambda c: c.execute(
            "INSERT INTO refreshes SELECT 'b', 'd', 'r', now()::TIMESTAMP FROM range(50)"
        )
    )
    with pytest.raises(LakeError, match="lists 1 data files, and none of them is in"):
        two.snapshot()
    assert not (tmp_path / "two" / "data").exists()
    one.close()


def test_an_emptied_catalogue_is_not_a_new_lake(tmp_path: Path, postgres: str) -> None:
    lake = machine(tmp_path, postgres, "one")
    vectors.append(lake, *shard(0)[:1], "e", shard(0)[1])
    lake.close()
    kept = sorted(path for path in (tmp_path / "data").rglob("*"))
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    with pytest.raises(LakeError, match=r"in Postgres is missing or empty, but .* 1 data files"):
        machine(tmp_path, postgres, "one").snapshot()
    assert sorted(path for path in (tmp_path / "data").rglob("*")) == kept


def test_no_password_is_told(tmp_path: Path) -> None:
    for catalog in (
        "host=127.0.0.1 port=1 dbname=x user=u password=s3cret",
        "postgresql://u:s3cret@127.0.0.1:1/x",
        "host=127.0.0.1 s3cret",
    ):
        with pytest.raises(LakeError) as raised:
            Lake(root=str(tmp_path / "home"), catalog=catalog).snapshot()
        assert "s3cret" not in str(raised.value)


def test_without_the_driver_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(LakeError, match=r"psycopg.*pip install"):
        Lake(root=str(tmp_path), catalog="dbname=x host=127.0.0.1 port=1").snapshot()
