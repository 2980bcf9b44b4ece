from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from sluice.core.errors import ConfigError, DataError
from sluice.data.config import load_config
from sluice.data.ingest import add as module
from sluice.data.ingest.add import add_dataset, default_name
from sluice.data.ingest.instances import prepare
from sluice.data.ingest.raw import read_raw

TWEETS = Path(__file__).parents[3] / "datasets" / "vader_tweets" / "vader_tweets.parquet"


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "My Rows [1].csv"
    rows = [f"text {i},{'ab'[i % 2]},{i}" for i in range(60)]
    path.write_text("\n".join(["t,y,n", *rows, ",a,60"]), encoding="utf-8")
    return path


def left(root: Path) -> list[str]:
    return sorted(os.listdir(root)) if root.exists() else []


def test_a_file_becomes_a_dataset(source, tmp_path):
    root = tmp_path / "datasets"
    made = add_dataset(source, root, text_column="t", label_column="y", id_column="n")
    assert (made.name, made.folder) == ("my-rows-1", root / "my-rows-1")
    assert left(root) == ["my-rows-1"]
    assert left(made.folder) == ["My Rows [1].csv", "dataset.yaml"]
    config = load_config(made.folder)
    assert config.columns.id == "n"
    prepared = prepare(read_raw(made.folder, config), config)
    assert prepared.instances.num_rows == made.instances == 60
    assert made.classes == {"a": 30, "b": 30}
    assert sum(made.splits.values()) == 60
    assert made.rejected == {"empty_text": 1}
    assert (made.folder / source.name).read_bytes() == source.read_bytes()
    assert made.folder.stat().st_mode & 0o777 == 0o777 & ~current_umask()


def current_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_real_file(tmp_path):
    made = add_dataset(
        TWEETS, tmp_path, name="tweets", text_column="text", label_column="label", id_column="id"
    )
    assert made.instances == 4140
    assert made.warnings == []


def test_an_existing_dataset_is_left_alone(source, tmp_path):
    add_dataset(source, tmp_path, name="x", text_column="t", label_column="y")
    before = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "x").iterdir()}
    with pytest.raises(DataError, match=r"'x' exists already .* Choose another --name; to add"):
        add_dataset(source, tmp_path, name="x", text_column="t", label_column="n")
    assert {p.name: p.stat().st_mtime_ns for p in (tmp_path / "x").iterdir()} == before


def test_nothing_is_left_of_what_failed(source, tmp_path, monkeypatch):
    root = tmp_path / "datasets"
    with pytest.raises(DataError, match="has no column 'z'"):
        add_dataset(source, root, text_column="z", label_column="y")
    assert left(root) == []

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(DataError, match=r"No space left on device. Nothing was added."):
        add_dataset(source, root, text_column="t", label_column="y")
    assert left(root) == []


def test_a_file_that_changes_meanwhile_is_refused(source, tmp_path, monkeypatch):
    check = module.check_file

    def checked_then_changed(path, config):
        prepared = check(path, config)
        path.write_text(path.read_text() + "\nlate,a,61")
        return prepared

    monkeypatch.setattr(module, "check_file", checked_then_changed)
    with pytest.raises(DataError, match=r"changed while it was read. Try again"):
        add_dataset(source, tmp_path / "datasets", text_column="t", label_column="y")
    assert left(tmp_path / "datasets") == []


def test_a_dataset_that_appears_meanwhile_is_left_alone(source, tmp_path, monkeypatch):
    check = module.check_file

    def checked_then_made(path, config):
        (tmp_path / "x").mkdir()
        return check(path, config)

    monkeypatch.setattr(module, "check_file", checked_then_made)
    with pytest.raises(DataError, match="exists already"):
        add_dataset(source, tmp_path, name="x", text_column="t", label_column="y")
    assert left(tmp_path / "x") == []
    assert left(tmp_path) == [source.name, "x"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"name": "A B"}, "cannot name a dataset"),
        ({"task": "images"}, "Unknown task 'images'. Known: instructions, tabular, text, tokens."),
        ({"label_column": "t"}, "gives the column 't' two meanings"),
        ({"text_column": ""}, "columns.text: '' is not valid; it should not be empty."),
    ],
)
def test_options_that_do_not_fit(source, tmp_path, options, expected):
    with pytest.raises(ConfigError) as caught:
        add_dataset(source, tmp_path, **({"text_column": "t", "label_column": "y"} | options))
    assert expected in str(caught.value)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(DataError, match=r"gone.csv does not exist. Check the path."):
        add_dataset(tmp_path / "gone.csv", tmp_path, text_column="t", label_column="y")
    with pytest.raises(DataError, match=r"gone.txt is no file that Sluice reads"):
        add_dataset(tmp_path / "gone.txt", tmp_path, text_column="t", label_column="y")


def test_a_root_that_cannot_be_made(source, tmp_path):
    with pytest.raises(DataError, match=r"No such file or directory. Check --datasets."):
        add_dataset(source, tmp_path / "no" / "root", text_column="t", label_column="y")


@pytest.mark.parametrize(
    ("file", "name"),
    [("My Reviews.csv.gz", "my-reviews"), ("a_b-C.JSONL", "a_b-c"), ("_x_.tsv", "x"),
     ("x" * 80 + ".csv", "x" * 64), ("2024,01.parquet", "2024-01")],
)  # fmt: skip
def test_default_names(file, name):
    assert default_name(Path(file)) == name


def test_no_default_name():
    with pytest.raises(ConfigError, match=r"No name can be made of '日本.csv'. Give one with"):
        default_name(Path("日本.csv"))
