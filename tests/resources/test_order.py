"""What is newest is told by the lake: clocks are put back, and nothing is lost by it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from chosen import put_record, put_rows, put_selection

from resources.lake import Lake
from resources.schema import TABLES
from resources.store import (
    checks,
    encoders,
    label_rounds,
    maintenance,
    purging,
    records,
    selections,
)
from resources.store.encoders import StoredEncoder
from resources.store.label_rounds import Round

ASSET = "text/subsets/k_center"
TIMES = {
    table: name
    for table, columns in TABLES.items()
    for name, kind in (column.split() for column in columns.split(", "))
    if kind == "TIMESTAMP"
}


def put_clock_back(lake: Lake) -> None:
    """Let everything that is stored be of a clock that was ahead by two hours."""

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        for table, name in TIMES.items():
            cursor.execute(f"UPDATE {table} SET {name} = {name} + INTERVAL 2 HOUR")

    lake.write(work)
    ahead = (
        "UPDATE __ducklake_metadata_lake.ducklake_snapshot SET snapshot_time = "
        "(snapshot_time::TIMESTAMPTZ + INTERVAL 2 HOUR)::VARCHAR"
    )
    lake.write(lambda cursor: cursor.execute(ahead))


def compact(lake: Lake) -> None:
    lake.alone(maintenance.compact)


def stay(lake: Lake) -> None:
    lake.close()


def rewrite(lake: Lake) -> None:
    """Let every file be written anew, without rows of before, as a purge does."""
    put_record(lake, [{"selection_id": "x"}], dataset="gone")
    records.begin(lake, "gone", ASSET, "r")
    compact(lake)
    purging.purge(lake, "gone")


@pytest.mark.parametrize("upkeep", [stay, compact, rewrite])
def test_the_newest_is_what_was_added_last(tmp_path: Path, upkeep) -> None:
    lake = Lake(root=str(tmp_path))
    at: list[int] = []
    for number in range(3):
        name = f"{number}aaaa"
        records.begin(lake, "d", ASSET, name)
        at.append(put_record(lake, [put_selection(lake, name, {"a": name})]))
        records.append_refresh(lake, "d", name, "r")
        encoders.append(lake, "d", StoredEncoder("same", name, number, "{}"))
        checks.append(lake, "d", ASSET, "check", name, True, {"n": number})
        label_rounds.append(lake, "d", Round(name, number, {"a": "x", "b": "y"}))
        put_clock_back(lake)
        upkeep(lake)
    newest = records.latest(lake, "d")[ASSET]
    assert (newest.details["shown"], newest.stands) == ("2aaaa", True)
    shown = [record.details["shown"] for _, record in records.history(lake, "d", ASSET)]
    assert shown == ["0aaaa", "1aaaa", "2aaaa"]
    found = [records.at_snapshot(lake, "d", ASSET, each) for each in at]
    assert [record and record.details["shown"] for record in found] == shown
    assert records.refreshed_digests(lake)["d"] == "2aaaa"
    last = encoders.newest(lake, "d")
    assert (last and last.settings, last) == ("2aaaa", encoders.read(lake, "d", "same"))
    assert checks.find(lake, "d", ASSET, "check", "2aaaa") == (True, {"n": 2})
    assert checks.find(lake, "d", ASSET, "check", "1aaaa") is None
    assert [each.round for each in label_rounds.read(lake, "d")] == shown
    assert selections.starting_with(lake, "")["selection_id"].to_pylist() == shown
    lake.close()


def test_a_stage_that_began_again_does_not_stand_whatever_the_clock_says(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path))
    records.begin(lake, "d", ASSET, "one")
    put_clock_back(lake)
    entry = put_selection(lake, "aaaa1", {"a": "1"})
    put_record(lake, [entry])
    assert records.latest(lake, "d")[ASSET].stands
    put_clock_back(lake)
    records.begin(lake, "d", ASSET, "two")
    assert not records.latest(lake, "d")[ASSET].stands
    put_record(lake, [entry])
    assert records.latest(lake, "d")[ASSET].stands
    lake.close()


def test_starts_of_an_older_lake_are_told_by_their_run(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path))
    lake.write(lambda cursor: cursor.execute("ALTER TABLE starts DROP COLUMN snapshot"))

    def begin(run: str) -> None:
        sql = "INSERT INTO starts (dataset, asset, run_id, started_at) VALUES ('d', ?, ?, now())"
        lake.write(lambda cursor: cursor.execute(sql, [ASSET, run]))

    begin("earlier")
    begin("r")
    put_clock_back(lake)
    put_record(lake, [put_selection(lake, "aaaa1", {"a": "1"})])
    lake.close()
    assert records.latest(lake, "d")[ASSET].stands
    begin("killed")
    assert not records.latest(lake, "d")[ASSET].stands
    records.begin(lake, "d", ASSET, "r")
    assert not records.latest(lake, "d")[ASSET].stands
    put_record(lake, [put_selection(lake, "aaaa1", {"a": "1"})])
    assert records.latest(lake, "d")[ASSET].stands
    lake.close()


def test_a_purge_leaves_no_snapshot_of_a_clock_that_was_ahead(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path))
    put_rows(lake, "d", {"a": "a secret sentence"})
    put_record(lake, [put_selection(lake, "aaaa1", {"a": "a secret sentence"})])
    put_clock_back(lake)
    purging.purge(lake, "d")
    assert lake.read("SELECT count(*) AS n FROM ducklake_snapshots('lake')")["n"].to_pylist() == [1]
    assert purging.known_datasets(lake) == []
    lake.close()
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"secret sentence" not in path.read_bytes(), path


NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days_ago", "ended"),
    [
        ([90, 80, 40, 20, 1], [0, 1]),
        # The clock was far behind, or ahead, when the third or second state began.
        ([90, 80, 400, 20, 1], [0]),
        ([90, -3650, 40, 20, 1], [0, 1]),
        ([90, 20, 300, 1], []),
        ([90, -5], []),
        ([-3, -2, -1], []),
        ([900], []),
    ],
)
def test_a_state_ends_no_earlier_than_a_time_that_can_be_believed(days_ago, ended) -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE told (snapshot_id BIGINT, snapshot_time TIMESTAMPTZ)")
        for number, days in enumerate(days_ago):
            connection.execute("INSERT INTO told VALUES (?, ?)", [number, NOW - timedelta(days)])
        connection.execute("CREATE MACRO ducklake_snapshots(name) AS TABLE FROM told")
        values = {"now": NOW, "since": NOW - timedelta(days=30)}
        found = connection.execute(maintenance._ENDED, values).fetchall()
    assert [number for (number,) in found] == ended
