"""Labels that are spelt in several ways."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice.data.config import load_config
from sluice.data.ingest.add import add_dataset
from sluice.data.ingest.instances import prepare
from sluice.data.ingest.label_spellings import merged
from sluice.data.ingest.raw import read_raw
from sluice.data.labels.labels_file import judge


@pytest.fixture
def source(tmp_path: Path) -> Path:
    labels = ["Net", "net", "Net", "NET ", "other", "nan", "N/A"]
    rows = [f"text {i},{labels[i % 7]}" for i in range(140)]
    (tmp_path / "a.csv").write_text("\n".join(["t,y", *rows]))
    return tmp_path / "a.csv"


def test_variants_and_words_for_nothing_are_listed(source, tmp_path):
    made = add_dataset(source, tmp_path / "d", text_column="t", label_column="y")
    said = {warning.partition(":")[0]: warning for warning in made.warnings}
    assert "'NET' (20 rows), 'Net' (40 rows), 'net' (20 rows)" in said["case_variants"]
    assert "--merge-case" in said["case_variants"]
    assert "'N/A' (20 rows), 'nan' (20 rows)" in said["null_like_labels"]


def test_merging_takes_the_most_frequent_spelling(source, tmp_path):
    made = add_dataset(
        source, tmp_path / "d", text_column="t", label_column="y", reading={"merge_case": True}
    )
    assert made.classes == {"Net": 80, "N/A": 20, "nan": 20, "other": 20}
    config = load_config(made.folder)
    again = prepare(read_raw(made.folder, config), config)
    assert not [warning for warning in again.warnings if warning.startswith("case_variants")]


def test_ties_are_broken_by_text():
    assert merged(["b", "B", "new  york", "New York", "", "x"]) == [
        *("B", "B"), *("New York", "New York"), "", "x"
    ]  # fmt: skip


def test_labels_that_come_back_are_joined_as_well(tmp_path):
    (tmp_path / "a.csv").write_text("i,t,y\n1,a,Net\n2,b,Net\n3,c,\n4,d,x\n")
    columns = {"text_column": "t", "label_column": "y", "id_column": "i"}
    made = add_dataset(
        tmp_path / "a.csv", tmp_path / "d", **columns, labelling=True, reading={"merge_case": True}
    )
    found = judge([("3", "NET")], made.folder, load_config(made.folder))
    assert found.labels == {"a.csv": {3: "Net"}}
