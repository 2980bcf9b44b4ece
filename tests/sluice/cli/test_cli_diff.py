"""`sluice diff`: what it compares by default, what it prints, writes and refuses."""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from chosen import put_record, put_rows, put_selection
from lineage import run_lineage
from typer.testing import CliRunner

from assets.text.lineage import TEXT
from resources.lake import Lake
from resources.store import records, selections
from resources.store import rows as stored_rows
from sluice.cli import app

OLD = {"a": "one", "b": "two", "c": "three", "g": "[red]seven[/red]"}
NEW = {"h": "eight", "a": "one", "b": "TWO"}


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    errors: str


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """Return a lake in which k_center has had two selections at 10% and one at 20%."""
    folder = tmp_path_factory.mktemp("diff")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLUICE_HOME", str(folder / "sluice"))
        patch.setenv("DAGSTER_HOME", str(folder / "dagster"))
        lake = Lake()
        put_rows(lake, "d", OLD)
        put_rows(lake, "d", {**NEW, "g": OLD["g"]}, aside={"c": "duplicate_text"})
        other = put_selection(lake, "cccc3333", {"a": "one"}, budget="20%")
        put_record(lake, [put_selection(lake, "aaaa1111", OLD), other])
        put_record(lake, [put_selection(lake, "bbbb2222", NEW), other])
        put_record(lake, [put_selection(lake, "eeee5555", {"z": "z"}, dataset="e")], dataset="e")
        yield lake
        lake.close()


def run(*arguments: str) -> Said:
    done = CliRunner().invoke(app, ["diff", *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return Said(done.exit_code, " ".join(done.stdout.split()), " ".join(done.stderr.split()))


TEN = ("d", "--method", "k_center", "--budget", "0.1")


def test_from_the_previous_to_the_newest(lake: Lake) -> None:
    said = run(*TEN)
    assert said.code == 0, said.errors
    assert "d, k_center at 10% (seed 0): 1 entered, 2 left, 1 edited, 1 stayed." in said.out
    assert "From selection aaaa1111, current since 2" in said.out
    assert "To selection bbbb2222, current since 2" in said.out
    for words in ("bbbb kept h", "aaaa kept c", "set aside: duplicate_text", "[red]seven[/red]"):
        assert words in said.out
    assert "still there, no longer picked" in said.out
    assert "Stayed" not in said.out
    assert "bbbb kept a" in run(*TEN, "--stayed").out


def test_the_selections_may_be_named_by_a_prefix_and_in_any_order(lake: Lake) -> None:
    back = run("d", "--from", "bbbb", "--to", "aaaa")
    assert "2 entered, 1 left, 1 edited, 1 stayed" in back.out
    assert run("d", "--from", "aaaa").out == run(*TEN).out == run("d", "--to", "bbbb22").out
    same = run("d", "--from", "aaaa", "--to", "aaaa")
    assert "0 entered, 0 left, 0 edited, 4 stayed. " in same.out
    assert "Both have the same rows." in same.out


def test_a_limit_says_what_it_leaves_out(lake: Lake) -> None:
    said = run(*TEN, "--limit", "1")
    assert "Left (the first 1 of 2)" in said.out
    assert "aaaa kept g" not in said.out
    assert "(the first" not in run(*TEN, "--limit", "0").out


def test_one_selection_alone_is_no_error(lake: Lake) -> None:
    said = run("d", "--method", "k_center", "--budget", "20%")
    assert said.code == 0
    assert "cccc3333 is its only selection, since 2" in said.out
    assert "nothing to compare it with yet" in said.out
    first = run("d", "--to", "cccc3333")
    assert first.out == said.out


def test_history_lists_the_selections_over_time(lake: Lake) -> None:
    said = run(*TEN, "--history")
    assert said.code == 0
    cells = said.out.replace("│", " ").split()
    first, second = cells.index("aaaa1111"), cells.index("bbbb2222")
    # The id, the day, the time, the rows, and what changed.
    assert cells[first + 3 : second] == ["4"]
    assert cells[second + 3 : second + 7] == ["3", "1", "2", "1"]
    assert "(the last 1 of 2)" in run(*TEN, "--history", "--limit", "1").out


@pytest.mark.parametrize("suffix", ["parquet", "jsonl", "csv"])
def test_all_rows_are_written_with_their_change(lake: Lake, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"changes.{suffix}"
    said = run(*TEN, "--out", str(out), "--limit", "1")
    assert said.code == 0
    assert "4 rows written to" in said.out
    if suffix == "parquet":
        found = pq.read_table(out).to_pylist()
    elif suffix == "csv":
        found = list(csv.DictReader(out.open()))
    else:
        found = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(row["change"], row["instance_id"]) for row in found] == [
        ("entered", "h"),
        ("left", "c"),
        ("left", "g"),
        ("edited", "b"),
    ]
    assert [row["text"] or row["text_before"] for row in found][2:] == [OLD["g"], "TWO"]
    assert found[3]["text_before"] == "two"


def test_going_back_compares_with_what_was_current_before(lake: Lake) -> None:
    one = put_selection(lake, "b1aa0000", {"a": "one"}, dataset="back")
    two = put_selection(lake, "b2bb0000", {"b": "two"}, dataset="back")
    twin = put_selection(lake, "b3cc0000", {"a": "one"}, dataset="back")
    for entry in (one, two, one, one):
        put_record(lake, [entry], dataset="back")
    asked = ("back", "--method", "k_center", "--budget", "10%")
    assert "From selection b2bb0000" in run(*asked).out
    assert "To selection b1aa0000" in run(*asked).out
    put_record(lake, [twin], dataset="back")
    assert "From selection b1aa0000" in run(*asked).out
    assert "Both have the same rows." in run(*asked).out


def test_a_budget_of_the_past_is_compared_with_a_warning(lake: Lake) -> None:
    for name in ("f1aa0000", "f2bb0000"):
        entry = put_selection(lake, name, {name: name}, dataset="past")
        put_record(lake, [entry], dataset="past")
    now = put_selection(lake, "f3cc0000", {"c": "three"}, dataset="past", budget="30%")
    put_record(lake, [now], dataset="past")
    said = run("past", "--method", "k_center", "--budget", "10%")
    assert "past no longer selects at 10% with seed 0" in said.errors
    assert "1 entered, 1 left" in said.out


def test_a_selection_of_an_unfinished_run(lake: Lake) -> None:
    put_record(lake, [put_selection(lake, "d1aa0000", {"a": "one"}, dataset="cut")], dataset="cut")
    put_selection(lake, "d2bb0000", {"b": "two"}, dataset="cut")
    said = run("cut", "--to", "d2bb")
    assert said.code == 2
    assert "stored by a run that did not finish" in said.errors
    said = run("cut", "--from", "d1aa", "--to", "d2bb")
    assert "1 entered, 1 left" in said.out
    assert "current since never" in said.out


def test_purged_rows_are_counted(lake: Lake) -> None:
    for name, kept in (("a1aa0000", OLD), ("a2bb0000", {**OLD, "h": "eight"})):
        put_record(lake, [put_selection(lake, name, kept, dataset="less")], dataset="less")
    lake.write(
        lambda cursor: cursor.execute(
            "DELETE FROM subsets WHERE dataset = 'less' AND instance_id IN ('c', 'h');"
            # As `sluice purge --ids` leaves a header.
            "UPDATE selections SET size = size - 2, note = '1 of its rows purged. 1 of its rows "
            "purged.' WHERE selection_id = 'a2bb0000'"
        )
    )
    said = run("less", "--to", "a2bb")
    assert "0 entered, 0 left, 0 edited, 3 stayed" in said.out
    assert "1 of the 4 rows of a1aa0000 have been purged" in said.out
    assert "2 of the 5 rows of a2bb0000 have been purged" in said.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing", *TEN[1:]), "The lake knows no dataset 'nothing'. Run it first"),
        (("d", "--method", "k_centre", "--budget", "10%"), "Did you mean k_center?"),
        ((*TEN[:-1], "0.3"), "no k_center subset at budget 0.3; it has 10%, 20%."),
        ((*TEN[:-1], "some"), "Budget 'some' is not a number"),
        ((*TEN, "--seed", "7"), "no k_center subset at 10% with seed 7; it has seeds [0]"),
        (("d", "--budget", "10%"), "--method is missing"),
        (("d", "--method", "k_center"), "--budget is missing"),
        (("d", "--from", "aaa"), "too short"),
        (("d", "--from", "0000"), "d has no selection '0000'"),
        (("d", "--to", "eeee"), "Selection eeee5555 is one of dataset e, not of d"),
        (("d", "--to", "aaaa", "--budget", "20%"), "does not fit --budget 20%"),
        (
            ("d", "--from", "aaaa", "--to", "cccc"),
            "cccc3333 (k_center at 20%, seed 0) cannot be compared: give two of one method",
        ),
        ((*TEN, "--out", "rows.xlsx"), "must end in one of .parquet, .jsonl, .csv"),
        ((*TEN, "--out", "/nowhere/rows.csv"), "/nowhere is not a folder"),
        ((*TEN, "--history", "--to", "aaaa"), "--history goes without"),
    ],
)
def test_each_error_is_one_clear_message(
    lake: Lake, arguments: tuple[str, ...], message: str
) -> None:
    said = run(*arguments)
    assert said.code == 2
    assert message in said.errors
    assert said.errors.count("Error:") == 1
    assert said.out == ""


def test_an_ambiguous_prefix_lists_what_it_fits(lake: Lake) -> None:
    for name in ("9999aaaa", "9999bbbb"):
        put_selection(lake, name, {"a": "one"}, dataset="d", method="margin")
    said = run("d", "--from", "9999")
    assert said.code == 2
    assert (
        "'9999' fits 2 selections of d: 9999aaaa (margin at 10%, seed 0), 9999bbbb" in said.errors
    )


def test_ids_and_texts_are_no_markup(lake: Lake, tmp_path: Path) -> None:
    out = tmp_path / "[bold]x.csv"
    assert "[bold]x.csv" in run(*TEN, "--out", str(out)).out


@pytest.mark.slow
def test_a_changed_row_in_the_lineage(
    home: Path, tmp_path: Path, make_dataset: Callable[..., Path], tweets: pa.Table
) -> None:
    rows = tweets.slice(0, 60)
    keys = [TEXT.key(*name) for name in (["instances"], ["embeddings"], ["map"])]
    keys.append(TEXT.key("subsets", "k_center"))
    make_dataset("tweets", rows)
    first = run_lineage("tweets", keys=keys)
    assert first.success, first.errors
    shown = first.metadata["text/subsets/k_center"]
    assert (shown["left"], shown["entered"]) == (0, int(0.2 * _train_rows() + 0.5))
    assert not {"entered_rows", "left_rows"} & shown.keys()
    assert "nothing to compare it with" in run("tweets", *TEN[1:]).out

    removed, edited = selections.rows(Lake(), _newest())["instance_id"].to_pylist()[:2]
    table = [row for row in rows.to_pylist() if row["id"] != removed]
    texts = [f"{row['text']} indeed" if row["id"] == edited else row["text"] for row in table]
    make_dataset(
        "tweets",
        pa.Table.from_pylist([{**r, "text": t} for r, t in zip(table, texts, strict=True)]),
    )
    second = run_lineage("tweets", keys=keys)
    assert second.success, second.errors
    shown = second.metadata["text/subsets/k_center"]
    left = [record.data for record in shown["left_rows"].records]
    assert 1 <= shown["left"] == len(left) <= 10
    assert all(row["had been kept for"] for row in left)
    why = {row["instance_id"]: row["why it is gone"] for row in left}
    assert why[removed] == "no longer in the dataset"
    assert why.get(edited, "edited").startswith("edited")
    entered = [record.data for record in shown["entered_rows"].records]
    assert 1 <= shown["entered"] == len(entered) <= 10

    out = tmp_path / "changes.jsonl"
    asked = ("tweets", "--method", "k_center", "--budget", "20%", "--out", str(out))
    assert f": {shown['entered']} entered, {shown['left']} left, " in run(*asked).out
    written = [json.loads(line) for line in out.read_text().splitlines()]
    assert {row["instance_id"] for row in written} == {
        *(row["instance_id"] for row in [*left, *entered]),
        edited,
    }
    assert {row["instance_id"]: row["reason"] for row in written if row["change"] == "entered"} == {
        row["instance_id"]: row["reason"] for row in entered
    }


def _train_rows() -> int:
    return stored_rows.read_instances(Lake(), "tweets", "train").num_rows


def _newest() -> str:
    return records.latest(Lake(), "tweets")["text/subsets/k_center"].details["shown"]
