"""Selections over time: what was current when, and what changed from one to the next."""

from pathlib import Path

import pytest
from chosen import put_record, put_rows, put_selection

from resources.lake import Lake
from resources.store import history, records, selections
from resources.store.purging_rows import purge_rows
from sluice.core.errors import ConfigError

OLD = {"a": "one", "b": "two", "c": "three", "d": "four", "e": "five", "f": "six", "g": "seven"}
ASSET = "text/subsets/k_center"

EXPIRE = [
    "CALL ducklake_flush_inlined_data('lake')",
    "CALL ducklake_merge_adjacent_files('lake')",
    "CALL ducklake_expire_snapshots('lake', older_than => now())",
    "CALL ducklake_cleanup_old_files('lake', cleanup_all => true)",
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Return one lake for the tests that expire nothing: making it takes most of their time."""
    return Lake(root=str(tmp_path_factory.mktemp("lake")))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(root=str(tmp_path))


def test_every_change_has_its_name_and_every_departure_its_reason(shared: Lake) -> None:
    put_rows(shared, "changes", OLD)
    put_selection(shared, "1aaaa", OLD, dataset="changes")
    kept = {"h": "eight", "a": "one", "b": "TWO changed"}
    put_rows(
        shared,
        "changes",
        {**kept, "d": "four changed", "g": "seven"},
        {"e": "five", "f": "six changed"},
        {"c": "empty_text"},
    )
    put_selection(shared, "1bbbb", kept, dataset="changes")
    table = history.compare(shared, "1aaaa", "1bbbb", texts=True).to_pylist()
    assert {(row["change"], row["instance_id"]): row["why_gone"] for row in table} == {
        ("entered", "h"): None,
        ("left", "c"): "set aside: empty_text",
        ("left", "d"): "edited, no longer picked",
        ("left", "e"): "now in split test",
        ("left", "f"): "edited, now in split test",
        ("left", "g"): "still there, no longer picked",
        ("edited", "b"): None,
        ("stayed", "a"): None,
    }
    assert [row["instance_id"] for row in table] == list("hcdefgba")
    by_id = {row["instance_id"]: row for row in table}
    assert (by_id["h"]["rank"], by_id["h"]["rank_before"], by_id["h"]["reason_before"]) == (
        1,
        None,
        None,
    )
    assert (by_id["g"]["reason_before"], by_id["g"]["text_before"]) == ("1aaa kept g", "seven")
    assert (by_id["b"]["text_before"], by_id["b"]["text"]) == ("two", "TWO changed")
    put_rows(shared, "changes", kept)
    gone = history.only(history.compare(shared, "1aaaa", "1bbbb"), ["left"])["why_gone"]
    assert set(gone.to_pylist()) == {"no longer in the dataset"}


def test_counts_of_many_pairs_equal_the_comparisons(shared: Lake) -> None:
    put_selection(shared, "2aaaa", {"a": "1", "b": "2", "c": "3"})
    put_selection(shared, "2bbbb", {"a": "1", "b": "2 changed", "d": "4", "e": "5"})
    put_selection(shared, "2cccc", {"x": "9"})
    pairs = [("2aaaa", "2bbbb"), ("2bbbb", "2aaaa"), ("2bbbb", "2cccc"), ("2cccc", "2cccc")]
    counts = history.count(shared, pairs)
    assert counts == [history.count_of(history.compare(shared, *pair)) for pair in pairs]
    assert counts[0] == {"entered": 2, "left": 1, "edited": 1, "stayed": 1}
    assert history.count(shared, []) == []


def test_a_selection_that_comes_back_reigns_twice(shared: Lake) -> None:
    one = put_selection(shared, "3aaaa", {"a": "1"})
    two = put_selection(shared, "3bbbb", {"b": "2"})
    other = put_selection(shared, "3cccc", {"c": "3"}, budget="20%")
    for entries in ([one, other], [one, other], [two, other], [other], [one, other]):
        put_record(shared, entries)
    past = records.history(shared, "d", ASSET)
    assert [since for since, _ in past] == sorted(since for since, _ in past)
    found = history.reigns(past, "10%", 0)
    assert [reign.selection_id for reign in found] == ["3aaaa", "3bbbb", "3aaaa"]
    assert [reign.since for reign in found] == [past[0][0], past[2][0], past[4][0]]
    assert [reign.selection_id for reign in history.reigns(past, "20%", 0)] == ["3cccc"]
    assert history.reigns(past, "10%", 1) == []


def test_a_snapshot_says_what_was_current_also_after_it_expired(lake: Lake) -> None:
    before = lake.snapshot()
    entries = [put_selection(lake, f"{name * 4}1", {name: name}) for name in "abc"]
    snapshots = [put_record(lake, [entry]) for entry in entries]

    def current() -> list[str | None]:
        found = [records.at_snapshot(lake, "d", ASSET, at) for at in [0, before, *snapshots]]
        return [record and record.details["shown"] for record in found]

    expected = [None, None, "aaaa1", "bbbb1", "cccc1"]
    assert current() == expected
    assert records.at_snapshot(lake, "d", ASSET, snapshots[1] - 1) is not None
    lake.maintain(EXPIRE)
    assert lake.read("SELECT count(*) AS n FROM ducklake_snapshots('lake')")["n"].to_pylist() == [1]
    assert current() == expected
    with pytest.raises(records.SnapshotError, match="has no snapshot 9999; the newest is"):
        records.at_snapshot(lake, "d", ASSET, 9999)


def test_a_snapshot_is_known_also_after_records_were_rewritten(lake: Lake) -> None:
    snapshots = []
    for name in ("aaaa1", "bbbb1"):
        snapshots.append(put_record(lake, [put_selection(lake, name, {"a": name})]))
        put_record(lake, [{"selection_id": "x"}], dataset="gone")
    lake.maintain(EXPIRE[:1])
    lake.write(lambda cursor: cursor.execute("DELETE FROM records WHERE dataset = 'gone'"))
    rewrite = "CALL ducklake_rewrite_data_files('lake', 'records', delete_threshold => 0.0)"
    lake.maintain([EXPIRE[0], rewrite, *EXPIRE[1:]])
    found = [records.at_snapshot(lake, "d", ASSET, at) for at in snapshots]
    assert [record and record.details["shown"] for record in found] == ["aaaa1", "bbbb1"]


def test_a_purged_row_that_comes_back_is_in_its_selection_again(lake: Lake) -> None:
    both = {"a": "1", "b": "2"}
    put_rows(lake, "d", both)
    put_selection(lake, "aaaa1111", both)
    put_rows(lake, "d", {"a": "1"})
    purge_rows(lake, "d", ["b"])
    assert selections.rows(lake, "aaaa1111")["instance_id"].to_pylist() == ["a"]
    put_rows(lake, "d", both)
    put_selection(lake, "aaaa1111", both)
    assert selections.rows(lake, "aaaa1111")["instance_id"].to_pylist() == ["a", "b"]
    assert selections.find(lake, "d", "aaaa").size == 2


def test_a_selection_is_found_by_a_prefix_of_its_own_dataset(shared: Lake) -> None:
    put_selection(shared, "abcd1111", {"a": "1"})
    put_selection(shared, "abcd2222", {"b": "2"})
    put_selection(shared, "abcd1122", {"c": "3"}, dataset="other")
    put_selection(shared, "ffff0000", {"c": "3"}, dataset="other")
    assert selections.find(shared, "d", "ABCD1").selection_id == "abcd1111"
    assert selections.find(shared, "d", "abcd2222").size == 1
    for prefix, said in {
        "abc": "too short: give at least 4",
        "abcd": r"fits 2 selections of d: abcd1111 \(k_center at 10%, seed 0\), abcd2222",
        "ffff": "Selection ffff0000 is one of dataset other, not of d",
        "eeee": "d has no selection 'eeee'. List those",
        "ab%d": "d has no selection",
    }.items():
        with pytest.raises(ConfigError, match=said):
            selections.find(shared, "d", prefix)
