"""Maintenance keeps the lake small and takes nothing that a kept state or a process needs."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest
from chosen import put_record, put_rows, put_selection
from typer.testing import CliRunner

from definitions import defs
from resources.lake import Lake, LakeError
from resources.schema import TABLES
from resources.store import checks, evaluations, graphs, purging, records, scores, selections
from resources.store import vectors as vectors_
from resources.store.evaluations import Evaluated
from resources.store.maintenance import maintain
from sluice.cli import app
from sluice.graphs.knn import KnnGraph

REFRESHES = 50
ROWS = 40
AT_ONCE = timedelta(0)
WORKSPACE = Path(__file__).resolve().parents[2]


def knn(ids: list[str]) -> KnnGraph:
    vectors = np.random.default_rng(0).normal(size=(len(ids), 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return KnnGraph.build(np.array(ids), vectors, 3, 1)


def refresh(lake: Lake, number: int, graph: KnnGraph) -> int:
    """Store what one refresh with three changed rows does, in every table; return the snapshot."""
    ids = graph.ids.tolist()
    texts = {name: f"text {i} of {name}" for i, name in enumerate(ids)}
    changed = [ids[(number * 3 + i) % ROWS] for i in range(3)]
    texts |= {name: f"refresh {number} of {name}" for name in changed}
    records.begin(lake, "d", "text/instances", "r")
    put_rows(lake, "d", texts, aside={f"r{number}": "empty_text"})
    keys = [f"{number}-{i}" for i in range(12)]
    vectors_.append(lake, keys, "e", np.full((12, 4), number, np.float32))
    graphs.replace(lake, "d", "knn", graph, ids, "p")
    scores.replace(lake, "d", ids, {"s": np.arange(ROWS) * number / 8})
    entry = put_selection(lake, f"{number:04}", {name: texts[name] for name in ids[:5]})
    outcomes = {"test": {"classes": np.full((ROWS, 2), number / 3)}}
    model = Evaluated(f"e{number}", "d", "m", "10%", 0, f"{number:04}", 5, "l", 1.0, outcomes)
    evaluations.append(lake, [model], {"test": ids})
    checks.append(lake, "d", "text/instances", "c", f"i{number}", True, {"n": number})
    records.append_refresh(lake, "d", f"f{number}", "r")
    return put_record(lake, [entry])


def contents(lake: Lake, snapshot: int | None = None) -> dict[str, pa.Table]:
    at = "" if snapshot is None else f"AT (VERSION => {snapshot})"
    return {table: lake.read(f"SELECT * FROM {table} {at} ORDER BY ALL") for table in TABLES}


def files(lake: Lake) -> dict[str, tuple[int, int]]:
    rows = lake.read(
        "SELECT table_name, file_count, delete_file_count FROM ducklake_table_info('lake')"
    ).to_pylist()
    return {row["table_name"]: (row["file_count"], row["delete_file_count"]) for row in rows}


def on_disk(lake: Lake) -> set[Path]:
    return set((lake.folder / "data").rglob("*.parquet"))


def age(lake: Lake, snapshot: int, days: int) -> None:
    """Let a snapshot and all before it seem this much older."""
    lake.write(
        lambda cursor: cursor.execute(
            "UPDATE __ducklake_metadata_lake.ducklake_snapshot SET snapshot_time = "
            f"(snapshot_time::TIMESTAMPTZ - INTERVAL {days} DAY)::VARCHAR "
            f"WHERE snapshot_id <= {snapshot}"
        )
    )


@contextmanager
def process(script: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run a script in a process of its own, which ends with the block."""
    start = "import sys; sys.path.insert(0, sys.argv[1])\nfrom resources.lake import Lake\n"
    command = [sys.executable, "-c", start + script, str(WORKSPACE), *map(str, arguments)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        try:
            yield other
        finally:
            other.kill()


def line(other: subprocess.Popen[str]) -> str:
    assert other.stdout is not None
    return other.stdout.readline().strip()


# Reads two states again and again within one transaction, until it is told to stop; then again.
READER = """
import json, threading, time
cursor = Lake(root=sys.argv[2])._cursor()
told = threading.Event()
threading.Thread(target=lambda: (sys.stdin.readline(), told.set()), daemon=True).start()
def read(at):
    query = "SELECT count(*), sum(value)::DOUBLE FROM scores AT (VERSION => {})"
    query += " JOIN embeddings AT (VERSION => {}) ON input_hash = '0-1'"
    return cursor.execute(query.format(at, at)).fetchone()
cursor.execute("BEGIN")
seen, reads = set(), 0
while True:
    last = told.is_set()
    seen.add((read(sys.argv[3]), read(sys.argv[4])))
    reads += 1
    if reads == 1:
        print("reading", flush=True)
    if last:
        break
    time.sleep(0.05)
cursor.execute("ROLLBACK")
print(json.dumps({"seen": list(seen), "reads": reads, "kept": read(sys.argv[4])}), flush=True)
"""


def test_after_fifty_refreshes_few_files_hold_the_same(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path))
    graph = knn([f"i{i:02}" for i in range(ROWS)])
    snapshots = [refresh(lake, number, graph) for number in range(REFRESHES)]
    # Rewriting a table fails while this is pending.
    lake.write(lambda cursor: cursor.execute("UPDATE evaluations SET seconds = 1.5"))
    age(lake, snapshots[19], days=40)
    gone, kept = snapshots[18], [snapshots[20], snapshots[35], snapshots[-1]]
    before, states = contents(lake), [contents(lake, at) for at in kept]
    newest, loss = lake.snapshot(), purging.known_datasets(lake)

    with process(READER, tmp_path, gone, kept[0]) as reader:
        assert line(reader) == "reading"
        done = maintain(lake)
        assert reader.stdin is not None
        print(file=reader.stdin, flush=True)
        said = json.loads(line(reader))
    assert said["reads"] > 2
    assert said["seen"] == [[[ROWS, sum(range(ROWS)) * 18 / 8], said["kept"]]]
    assert said["kept"] == [ROWS, sum(range(ROWS)) * 20 / 8]

    assert all(data <= 3 and not deletes for data, deletes in files(lake).values()), files(lake)
    assert contents(lake) == before
    assert [contents(lake, at) for at in kept] == states
    assert contents(lake, newest) == before
    with pytest.raises(LakeError, match=f"No snapshot found at version {gone}"):
        contents(lake, gone)
    # The last state from before the window was current when it began.
    assert contents(lake, snapshots[19])["refreshes"].num_rows == 20
    assert selections.rows(lake, "0000")["text"][4].as_py() == "text 4 of i04"
    assert purging.known_datasets(lake) == loss

    assert done["snapshots_expired"] > 100
    assert (done["files_removed"], done["bytes_removed"]) == (0, 0)
    embeddings = done["tables"]["embeddings"]
    assert (embeddings["files_before"], embeddings["files_after"]) == (REFRESHES, 1)
    assert embeddings["bytes_after"] < embeddings["bytes_before"]
    _unneeded_files_go_later(lake, states, kept)


def _unneeded_files_go_later(
    lake: Lake, states: list[dict[str, pa.Table]], kept: list[int]
) -> None:
    before, size = on_disk(lake), sum(path.stat().st_size for path in on_disk(lake))
    done = maintain(lake, longest_transaction=AT_ONCE)
    after = on_disk(lake)
    assert len(before) - len(after) == done["files_removed"] > REFRESHES
    assert size - sum(path.stat().st_size for path in after) == done["bytes_removed"] > 0
    assert [contents(lake, at) for at in kept] == states
    now = contents(lake)
    done = maintain(lake, keep_days=0, longest_transaction=AT_ONCE)
    assert done["snapshots_kept"] == 1
    assert contents(lake) == now
    assert len(on_disk(lake)) == sum(data for data, _ in files(lake).values())
    assert maintain(lake)["snapshots_kept"] == 1


def add(lake: Lake, name: str, rows: int = 20) -> None:
    lake.write(
        lambda cursor: cursor.execute(
            f"INSERT INTO refreshes SELECT ?, 'd', 'r', now()::TIMESTAMP FROM range({rows})", [name]
        )
    )


def test_a_state_is_kept_for_as_long_as_it_ended_within_the_window(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path))
    add(lake, "a")
    first = lake.snapshot()
    add(lake, "b")
    age(lake, first, days=100)
    assert maintain(lake, keep_days=30)["snapshots_expired"] == first
    assert contents(lake, first)["refreshes"].num_rows == 20
    later = datetime.now(UTC) + timedelta(days=29)
    assert maintain(lake, keep_days=30, now=later)["snapshots_expired"] == 0
    later += timedelta(days=2)
    assert maintain(lake, keep_days=30, now=later)["snapshots_expired"] > 0
    assert maintain(lake, keep_days=30, now=later)["snapshots_kept"] == 1
    assert contents(lake)["refreshes"].num_rows == 40


WRITER = """
def work(cursor):
    cursor.execute("INSERT INTO refreshes SELECT 'w', 'd', 'r', now()::TIMESTAMP FROM range(5000)")
    print("inserted", flush=True)
    sys.stdin.readline()
Lake(root=sys.argv[2]).write(work)
print("committed", flush=True)
"""


def in_background(work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    return thread, results


def test_it_keeps_away_from_an_open_writer(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path))
    add(lake, "before")
    # As in a process that has just begun: connecting must not wait for ever either.
    lake.close()
    with process(WRITER, tmp_path) as writer:
        assert line(writer) == "inserted"
        with pytest.raises(LakeError, match=f"being written by process {writer.pid} .*later"):
            maintain(lake, longest_transaction=AT_ONCE, wait=0.2)
        (tmp_path / "locks").mkdir()
        note = {"holder": "run 1 of text_refresh", "process": writer.pid, "since": ""}
        (tmp_path / "locks" / "d.holder.json").write_text(json.dumps(note))
        with pytest.raises(LakeError, match=rf"run 1 of text_refresh \(process {writer.pid}\)"):
            maintain(lake, longest_transaction=AT_ONCE, wait=0.2)

        thread, results = in_background(
            lambda: maintain(lake, longest_transaction=AT_ONCE, wait=60)
        )
        time.sleep(0.5)
        assert thread.is_alive()
        assert writer.stdin is not None
        print(file=writer.stdin, flush=True)
        assert line(writer) == "committed"
        thread.join(60)
    assert len(results) == 1
    assert lake.read("SELECT count(*) AS n FROM refreshes")["n"].to_pylist() == [5020]
    assert contents(lake)["refreshes"].num_rows == 5020
    assert files(lake)["refreshes"] == (1, 0)


def test_orphans_go_when_they_are_old(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path))
    add(lake, "before")
    known = on_disk(lake)
    with process(WRITER, tmp_path) as writer:
        assert line(writer) == "inserted"
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
    (orphan,) = on_disk(lake) - known
    size = orphan.stat().st_size
    assert maintain(lake)["files_removed"] == 0
    assert orphan.exists()
    two_days_ago = time.time() - 2 * 86_400
    for path in on_disk(lake):
        os.utime(path, (two_days_ago, two_days_ago))
    done = maintain(lake)
    assert (done["files_removed"], done["bytes_removed"]) == (1, size)
    assert on_disk(lake) == known
    assert contents(lake)["refreshes"].num_rows == 20


def test_an_empty_lake(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path))
    done = maintain(lake)
    assert done["snapshots_kept"] == lake.snapshot() + 1
    assert {**done, "snapshots_kept": 0} == {
        "tables": {},
        "snapshots_expired": 0,
        "snapshots_kept": 0,
        "files_removed": 0,
        "bytes_removed": 0,
    }
    assert maintain(lake, keep_days=0)["snapshots_kept"] == 1


def test_the_job_and_the_command(home: Path) -> None:
    lake = Lake()
    for name in "abc":
        add(lake, name)
    job = defs.resolve_job_def("lake_maintenance")
    with dg.DagsterInstance.get() as instance:
        result = job.execute_in_process(
            instance=instance,
            run_config={"ops": {"maintain_lake": {"config": {"keep_days": 1}}}},
        )
        (event,) = result.filter_events(lambda e: e.event_type_value == "STEP_OUTPUT")
    shown = event.step_output_data.metadata
    assert shown["snapshots_expired"].value == 0
    assert shown["tables"].records[0].data["files_before"] == 3
    assert files(lake)["refreshes"] == (1, 0)
    kept = shown["snapshots_kept"].value
    done = CliRunner().invoke(app, ["maintain", "--keep-days", "0"])
    assert done.exit_code == 0, done.output
    # One more where superseded rows were removed, and one where their file was written anew.
    assert f"Expired {kept + 1} snapshots, kept 1" in done.output
    assert contents(lake)["refreshes"].num_rows == 3
    assert "refreshes" in done.output
    assert CliRunner().invoke(app, ["maintain", "--keep-days", "-1"]).exit_code == 2
