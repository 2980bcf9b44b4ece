"""`sluice label-queue` and `sluice labels`, from a file to fill in and back."""

import csv
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result
from typer.testing import CliRunner

from sluice.cli import app

NAME = "tweets"


def run(*arguments: str) -> Result:
    done = CliRunner().invoke(app, [*arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def said(done: Result) -> str:
    return " ".join((done.stdout + done.stderr).split())


def with_labels(table: pa.Table, labelled: int) -> pa.Table:
    labels = table["label"].to_pylist()
    kept = [label if i < labelled else None for i, label in enumerate(labels)]
    return table.set_column(2, "label", pa.array(kept, pa.string()))


def filled(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def fill_in(path: Path, labels: dict[str, str]) -> None:
    rows = filled(path)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "label": labels.get(row["id"], "")} for row in rows)


def test_out_and_back(
    home: Path, make_dataset: Callable[..., Path], tweets: pa.Table, tmp_path: Path
) -> None:
    tweets = tweets.slice(0, 70)
    folder = make_dataset(NAME, with_labels(tweets, 40), labelling={"rows": 6})
    truth = dict(zip(tweets["id"].to_pylist(), tweets["label"].to_pylist(), strict=True))
    out = tmp_path / "queue.csv"
    done = run("label-queue", NAME, str(out), "--n", "4")
    assert done.exit_code == 0, done.stderr
    assert "4 rows of tweets to label written to" in said(done)
    rows = filled(out)
    assert list(rows[0]) == ["id", "text", "reason", "label"]
    assert all(row["text"] and row["reason"] and not row["label"] for row in rows)
    asked = [row["id"] for row in rows]
    assert len(set(asked)) == 4

    again = run("label-queue", NAME, str(out))
    assert again.exit_code == 2
    assert "may hold labels" in said(again)

    before = (folder / "rows.parquet").read_bytes()
    fill_in(out, {asked[0]: truth[asked[0]], asked[1]: "no such class"})
    wrong = run("labels", NAME, str(out))
    assert wrong.exit_code == 2
    assert "Unknown label 'no such class'" in said(wrong)
    assert (folder / "rows.parquet").read_bytes() == before

    fill_in(out, {name: truth[name] for name in asked[:3]})
    strict = run("labels", NAME, str(out), "--strict")
    assert strict.exit_code == 2
    assert (folder / "rows.parquet").read_bytes() == before
    back = run("labels", NAME, str(out))
    assert back.exit_code == 0, back.stderr
    assert "3 labels written into rows.parquet of tweets. Next: `sluice run tweets`" in said(back)
    assert f"1 rows of the file are still blank, the first '{asked[3]}'" in said(back)
    assert "2 rows of the queue are not in the file" in said(back)
    now = pq.read_table(folder / "rows.parquet")
    known = {row for row, label in zip(*now.select(["id", "label"]), strict=True) if label.as_py()}
    assert {row.as_py() for row in known} == {*tweets["id"].to_pylist()[:40], *asked[:3]}
    assert now.drop_columns(["label"]) == tweets.drop_columns(["label"])

    same = run("labels", NAME, str(out))
    assert "0 labels written into no file of tweets. 3 were there already." in said(same)


@pytest.mark.parametrize("command", ["label-queue", "labels"])
def test_a_dataset_without_the_section(
    home: Path, make_dataset: Callable[..., Path], tweets: pa.Table, tmp_path: Path, command: str
) -> None:
    make_dataset(NAME, tweets)
    done = run(command, NAME, str(tmp_path / "x.csv"))
    assert done.exit_code == 2
    assert "tweets has no section labelling in its dataset.yaml" in said(done)
    assert "Did you mean tweets?" in said(run(command, "tweet", str(tmp_path / "x.csv")))


def test_a_folder_of_datasets_that_is_not_there(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_DATASETS", str(tmp_path / "nowhere"))
    done = run("label-queue", "tweet", str(tmp_path / "x.csv"))
    assert done.exit_code == 2
    assert "cannot be read (No such file or directory)" in said(done)
    assert "set SLUICE_DATASETS" in said(done)
