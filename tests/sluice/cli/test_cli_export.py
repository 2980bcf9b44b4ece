"""`sluice export`: a subset of now or of any time before."""

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from chosen import put_record, put_rows, put_selection
from click.testing import Result
from typer.testing import CliRunner

from resources.lake import Lake, LakeError
from resources.store import records
from sluice.cli import app

OLD = {"a": "one", "b": "two", "c": "three"}
NEW = {"d": "four", "a": "ONE"}
ASKED = ("--method", "k_center", "--budget", "10%")


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """Fill a lake with three selections of k_center; return its snapshots by name."""
    folder = tmp_path_factory.mktemp("export")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLUICE_HOME", str(folder / "sluice"))
        patch.setenv("DAGSTER_HOME", str(folder / "dagster"))
        lake = Lake()
        found = {"before": lake.snapshot()}
        put_rows(lake, "d", OLD)
        found["first"] = put_record(lake, [put_selection(lake, "123456aa", OLD)])
        put_rows(lake, "d", NEW)
        twenty = put_selection(lake, "12345777", NEW, budget="20%", seed=3)
        found["second"] = put_record(lake, [put_selection(lake, "bbbb2222", NEW), twenty])
        put_record(lake, [put_selection(lake, "eeee5555", {"z": "z"}, dataset="e")], dataset="e")
        yield found
        lake.close()


def run(*arguments: str) -> Result:
    done = CliRunner().invoke(app, ["export", *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def exported(out: Path, *arguments: str) -> list[dict[str, object]]:
    done = run("d", str(out), *arguments)
    assert done.exit_code == 0, done.stderr
    return pq.read_table(out).to_pylist()


def ids(out: Path, *arguments: str) -> list[object]:
    return [row["instance_id"] for row in exported(out, *arguments)]


def test_without_at_it_is_the_newest(state: dict[str, int], tmp_path: Path) -> None:
    rows = exported(tmp_path / "x.parquet", *ASKED)
    assert [(row["rank"], row["instance_id"], row["text"]) for row in rows] == [
        (1, "d", "four"),
        (2, "a", "ONE"),
    ]
    assert rows[0]["reason"] == "bbbb kept d"


def test_at_a_selection_or_a_snapshot(state: dict[str, int], tmp_path: Path) -> None:
    out = tmp_path / "x.parquet"
    old = exported(out, "--at", "123456aa")
    assert [(row["instance_id"], row["text"]) for row in old] == list(OLD.items())
    assert ids(out, "--at", "bbbb") == list(NEW)
    assert ids(out, "--at", "bbbb", *ASKED, "--seed", "0") == list(NEW)
    assert exported(out, "--at", str(state["first"]), *ASKED) == old
    assert exported(out, "--at", str(state["second"] - 1), *ASKED) == old
    assert ids(out, "--at", str(state["second"]), *ASKED) == list(NEW)


def test_a_dataset_of_which_nothing_was_selected_yet(state: dict[str, int], tmp_path: Path) -> None:
    lake = Lake()
    counts = ("f", "text/instances", "i", "v", "1", 1, 1, 0, 0, 0.1, "cpu", "r")
    records.append(lake, records.Record(*counts, {}), json.dumps({}))
    lake.close()
    for command in (["export", "f", str(tmp_path / "x.csv")], ["diff", "f"]):
        done = CliRunner().invoke(app, [*command, *ASKED])
        assert done.exit_code == 2, done.output
        assert "No rows of f have been selected yet. Run it first: `sluice run f`." in " ".join(
            done.stderr.split()
        )


def test_digits_alone_are_a_snapshot_unless_six_begin_a_selection(
    state: dict[str, int], tmp_path: Path
) -> None:
    out = tmp_path / "x.parquet"
    assert ids(out, "--at", "123456") == list(OLD)
    # Five digits begin a selection too, and are a snapshot nonetheless.
    assert "no snapshot 12345; the newest is" in " ".join(
        run("d", str(out), "--at", "12345", *ASKED).stderr.split()
    )
    assert ids(out, "--at", "12345777") == list(NEW)
    assert "no snapshot 999999;" in run("d", str(out), "--at", "999999", *ASKED).stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("d", "x.csv"), "--method is missing. Give --method and --budget, or --at SELECTION."),
        (("d", "x.csv", "--method", "k_center"), "--budget is missing"),
        (("d", "x.csv", "--at", "12"), "--at 12 is a snapshot of the lake: give --method too"),
        (("nothing", "x.csv", *ASKED), "The lake knows no dataset 'nothing'"),
        (("nothing", "x.csv", "--at", "bbbb"), "The lake knows no dataset 'nothing'"),
        (("d", "x.csv", "--method", "k_centre", "--budget", "1"), "Did you mean k_center?"),
        (("d", "x.csv", *ASKED[:3], "40%"), "it has 10%, 20%. Add the budget to its dataset.yaml"),
        (("d", "x.csv", *ASKED[:3], "nan%"), "Budget 'nan%' is not a number"),
        (("d", "x.csv", *ASKED[:3], "inf"), "Budget 'inf' is not a number"),
        (("d", "x.csv", *ASKED[:3], "ten"), "Budget 'ten' is not a number"),
        (("d", "x.csv", *ASKED, "--seed", "9"), "with seed 9; it has seeds [0]"),
        (("d", "x.csv", "--at", "bbb"), "Selection 'bbb' is too short"),
        (("d", "x.csv", "--at", "ffff"), "d has no selection 'ffff'"),
        (("d", "x.csv", "--at", "eeee"), "Selection eeee5555 is one of dataset e, not of d"),
        (("d", "x.csv", "--at", "bbbb", "--method", "margin"), "does not fit --method margin"),
        (("d", "x.csv", "--at", "bbbb", "--budget", "0.2"), "does not fit --budget 20%"),
        (("d", "x.csv", "--at", "bbbb", "--seed", "1"), "does not fit --seed 1"),
        (("d", "x.csv", "--at", "99999", *ASKED), "has no snapshot 99999; the newest is"),
        (("d", "x.csv", "--at", "1", *ASKED), "At snapshot 1 there was no k_center subset of d"),
        (("d", "x.xlsx", "--at", "bbbb"), "must end in one of"),
    ],
)
def test_each_error_is_one_clear_message(
    state: dict[str, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    root: Path,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.setenv("SLUICE_WORKSPACE", str(root))
    monkeypatch.chdir(tmp_path)
    done = run(*arguments)
    assert done.exit_code == 2
    said = " ".join(done.stderr.split())
    assert message in said
    assert said.count("Error:") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_ambiguous_prefix_is_an_error(state: dict[str, int], tmp_path: Path) -> None:
    for name in ("77777aaa", "77777bbb"):
        put_selection(Lake(), name, {"a": "one"}, method="margin")
    done = run("d", str(tmp_path / "x.csv"), "--at", "77777aa")
    assert done.exit_code == 0
    for name in ("abab1111", "abab2222"):
        put_selection(Lake(), name, {"a": "one"}, method="margin")
    done = run("d", str(tmp_path / "x.csv"), "--at", "abab")
    assert done.exit_code == 2
    assert "fits 2 selections of d" in done.stderr


def test_purged_rows_are_said_to_be_missing(state: dict[str, int], tmp_path: Path) -> None:
    lake = Lake()
    put_selection(lake, "cdcd1111", OLD, method="margin")
    lake.write(
        lambda cursor: cursor.execute(
            "DELETE FROM subsets WHERE selection_id = 'cdcd1111' AND instance_id = 'b'"
        )
    )
    out = tmp_path / "x.jsonl"
    said = " ".join(run("d", str(out), "--at", "cdcd").stdout.split())
    assert said.startswith("2 rows of d by margin at 10% (seed 0, selection cdcd1111) written to")
    assert said.endswith("1 of its 3 rows have been purged.")
    kept = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(row["rank"], row["instance_id"]) for row in kept] == [(1, "a"), (3, "c")]


def test_the_same_rows_after_every_older_snapshot_is_gone(
    state: dict[str, int], tmp_path: Path
) -> None:
    """Comes last: it takes the older snapshots from the lake of this module."""
    out = tmp_path / "x.parquet"
    asked = [
        ["--at", "123456aa"],
        ["--at", "bbbb2222"],
        ["--at", str(state["first"]), *ASKED],
        ["--at", str(state["second"]), *ASKED],
    ]
    before = [exported(out, *arguments) for arguments in asked]
    lake = Lake()
    lake.maintain(
        [
            "CALL ducklake_flush_inlined_data('lake')",
            *(
                f"CALL ducklake_rewrite_data_files('lake', '{table}', delete_threshold => 0.0)"
                for table in ("instances", "rejected")
            ),
            "CALL ducklake_merge_adjacent_files('lake')",
            "CALL ducklake_expire_snapshots('lake', older_than => now())",
            "CALL ducklake_cleanup_old_files('lake', cleanup_all => true)",
        ]
    )
    left = lake.read("SELECT min(snapshot_id) AS oldest FROM ducklake_snapshots('lake')")
    assert left["oldest"][0].as_py() > state["second"]
    with pytest.raises(LakeError, match="No snapshot found"):
        lake.read(f"SELECT * FROM subsets AT (VERSION => {state['first']})")
    assert [exported(out, *arguments) for arguments in asked] == before
