"""Rows without a label: what `labelling` says, and what screening makes of them."""

from pathlib import Path

import pyarrow as pa
import pytest

from sluice.core.errors import ConfigError, DataError
from sluice.data.config import DatasetConfig, dump_config, load_config
from sluice.data.ingest.add import add_dataset
from sluice.data.ingest.instances import Prepared, prepare
from sluice.tasks.text.labelling import Labelling

LEAST = "task: text\nfiles: [a.csv]\ncolumns: {text: text, label: label}\n"


def config(tmp_path: Path, more: str) -> DatasetConfig:
    (tmp_path / "dataset.yaml").write_text(LEAST + more, encoding="utf-8")
    return load_config(tmp_path)


def prepared(rows: list[tuple[str, str | None]], *, labelling: bool = True) -> Prepared:
    columns = {"text": "text", "label": "label", "id": "id"}
    settings = {"task": "text", "files": ["a.csv"], "columns": columns}
    made = DatasetConfig.model_validate(settings | ({"labelling": {}} if labelling else {}))
    table = pa.table(
        {
            "id": [f"r{i:02}" for i in range(len(rows))],
            "text": [text for text, _ in rows],
            "label": pa.array([label for _, label in rows], pa.string()),
            "file": ["a.csv"] * len(rows),
            "row": range(1, len(rows) + 1),
        }
    )
    return prepare(table, made)


def test_it_is_absent_unless_said(tmp_path: Path) -> None:
    assert config(tmp_path, "").labelling is None
    assert config(tmp_path, "labelling: {}").labelling == Labelling()
    said = config(tmp_path, "labelling: {strategy: anchor_al, options: {base: margin}, rows: 5}")
    assert said.labelling == Labelling(strategy="anchor_al", options={"base": "margin"}, rows=5)
    (tmp_path / "dataset.yaml").write_text(dump_config(said), encoding="utf-8")
    assert load_config(tmp_path) == said


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("{strategy: margins}", "labelling.strategy: 'margins' is unknown: Unknown query strategy"),
        ("{strategy: badge, options: {k: 3}}", "labelling: names an unknown option"),
        ("{strategy: seals, options: {base: x}}", "labelling: gives seals a strategy that is none"),
        ("{strategy: seals, options: {base: [x]}}", "gives seals a strategy that is none"),
        ("{strategy: rank_sum, options: {members: [margin, x]}}", "Unknown query strategy 'x'"),
        ("{strategy: seals, options: {k: {a: 1}}}", "gives seals.k the value"),
        ("{rows: 0}", "labelling.rows: 0 is not valid"),
        ("{row: 5}", "labelling.row: unknown key. Did you mean rows?"),
    ],
)
def test_what_it_may_not_say(tmp_path: Path, said: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config(tmp_path, f"labelling: {said}")
    assert problem in str(caught.value)


def test_it_is_for_texts(tmp_path: Path) -> None:
    table = "task: tabular\nfiles: [a.csv]\ncolumns: {label: y}\nlabelling: {}\n"
    (tmp_path / "dataset.yaml").write_text(table)
    with pytest.raises(ConfigError, match="has labelling, which is for the task text"):
        load_config(tmp_path)


def test_rows_without_a_label_are_kept_apart() -> None:
    rows: list[tuple[str, str | None]] = [(f"text {i}", "ab"[i % 2]) for i in range(60)]
    rows += [("to come", None), ("also", "  "), ("", None)]
    made = prepared(rows)
    splits = dict(zip(*(made.instances[c].to_pylist() for c in ("text", "split")), strict=True))
    assert splits.pop("to come") == splits.pop("also") == "unlabelled"
    assert set(splits.values()) == {"train", "validation", "test"}
    assert made.rejected["reason"].to_pylist() == ["empty_text"]
    assert made.warnings == []
    without = prepared(rows, labelling=False)
    assert without.rejected["reason"].to_pylist() == ["missing_label"] * 3
    assert (
        dict(zip(*(without.instances[c].to_pylist() for c in ("text", "split")), strict=True))
        == splits
    )


def test_of_equal_texts_the_one_with_a_label_is_kept() -> None:
    rows: list[tuple[str, str | None]] = [("Same", None), ("other", None), ("OTHER", None)]
    rows += [("same", "a"), ("x", "b"), *((f"text {i}", "ab"[i % 2]) for i in range(60))]
    made = prepared(rows)
    assert "r03" in made.instances["instance_id"].to_pylist()
    pairs = zip(*(made.rejected[c].to_pylist() for c in ("instance_id", "reason")), strict=True)
    assert list(pairs) == [("r00", "duplicate_text"), ("r02", "duplicate_text")]


def test_no_label_yet_is_a_warning() -> None:
    made = prepared([("one", None), ("two", "")])
    assert made.instances["split"].to_pylist() == ["unlabelled"] * 2
    assert [w.split(":")[0] for w in made.warnings] == ["no_labels"]
    one = prepared([("one", "a"), ("two", None)])
    assert "few_classes" in [w.split(":")[0] for w in one.warnings]
    with pytest.raises(DataError, match="None of the 2 rows can be used"):
        prepared([("one", None), ("two", "")], labelling=False)


def test_a_dataset_of_rows_without_labels_is_added(tmp_path: Path) -> None:
    source = tmp_path / "new.csv"
    source.write_text("text,label\none,\ntwo,\n", encoding="utf-8")
    asked = {"text_column": "text", "label_column": "label"}
    with pytest.raises(DataError):
        add_dataset(source, tmp_path / "datasets", **asked)
    made = add_dataset(source, tmp_path / "datasets", labelling=True, **asked)
    assert (made.instances, made.splits, made.classes) == (2, {"unlabelled": 2}, {})
    assert load_config(made.folder).labelling == Labelling()
