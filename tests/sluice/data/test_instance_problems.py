from __future__ import annotations

import pyarrow as pa
import pytest

from sluice.core.errors import DataError
from sluice.data.config import DatasetConfig
from sluice.data.ingest.instances import prepare

Rows = list[dict[str, str | None]]


def config(*named: str, **more: object) -> DatasetConfig:
    columns = {"text": "text", "label": "label"} | {name: name for name in named}
    return DatasetConfig.model_validate(
        {"task": "text", "files": ["a.csv"], "columns": columns} | more
    )


def table(rows: Rows, *named: str) -> pa.Table:
    columns = {
        name: pa.array([row.get(name) for row in rows], pa.string())
        for name in ("text", "label", *named)
    }
    columns["file"] = pa.array(["a.csv"] * len(rows), pa.string())
    columns["row"] = pa.array(range(1, len(rows) + 1), pa.int64())
    return pa.table(columns)


def filler(count: int = 60) -> Rows:
    """Enough good rows of two classes that every split has both."""
    return [{"text": f"filler {i}", "label": "ab"[i % 2], "id": f"f{i:03}"} for i in range(count)]


def test_no_usable_row():
    with pytest.raises(DataError) as caught:
        prepare(table([{"text": "", "label": "a"}, {"text": "x", "label": None}]), config())
    said = str(caught.value)
    assert said.startswith("None of the 2 rows can be used: ")
    assert "empty_text 1" in said
    assert "missing_label 1" in said
    assert "Check that columns in dataset.yaml" in said


def test_one_class_only():
    rows = [row | {"label": "a"} for row in filler(10)]
    with pytest.raises(
        DataError, match="All 10 usable rows have the label 'a'; a classifier needs"
    ):
        prepare(table(rows), config())


def test_one_class_only_to_train_on():
    rows = [row | {"split": "train" if row["label"] == "a" else "test"} for row in filler(10)]
    with pytest.raises(DataError, match="The training rows have 1 of the 2 classes; training"):
        prepare(table(rows, "split"), config("split"))


def test_warnings_are_named():
    rows: Rows = [row | {"split": "train"} for row in filler(10)]
    rows.append({"text": "lonely", "label": "c", "split": "train"})
    rows.append({"text": "checked", "label": "a", "split": "dev"})
    rows += [{"text": "", "label": "a", "split": "test"}] * 4
    warnings = prepare(table(rows, "split"), config("split")).warnings
    assert [warning.partition(":")[0] for warning in warnings] == [
        "class_absent_from_validation", "no_test_rows", "single_train_row", "many_rejected",
    ]  # fmt: skip
    assert "no row of 'b', 'c' is in validation" in warnings[0]
    assert "'c' has one training row" in warnings[2]
    assert "4 of 16 rows were set aside (empty_text 4)" in warnings[3]


def test_an_id_named_as_label_is_suspected():
    rows: Rows = [{"text": f"t{i}", "label": f"{i}"} for i in range(40)]
    assert any(w.startswith("many_classes: 40 rows have 40 labels")
               for w in prepare(table(rows), config()).warnings)  # fmt: skip
