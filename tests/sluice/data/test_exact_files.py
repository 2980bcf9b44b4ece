"""Files keep their numbers to the last digit, whatever ends their lines."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from sluice.core.errors import DataError
from sluice.data.config import DatasetConfig
from sluice.data.ingest.raw import read_raw
from sluice.data.labels.label_import import put_back
from sluice.data.readers.conll import read_conll
from sluice.data.readers.jsonl_file import read_jsonl
from sluice.tasks.tabular import TASK

LONG = "0.1234567890123456789"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_kind(end: str, tmp_path: Path):
    tables = {
        "a.csv": ["text,y", "one,a", '"two\ttabs",b'],
        "a.tsv": ["text\ty", "one\ta", '"two\ttabs"\tb'],
        "a.jsonl": ['{"text": "one", "y": "a"}', '{"text": "two\\ttabs", "y": "b"}'],
    }
    for name, lines in tables.items():
        (tmp_path / name).write_bytes((end.join(lines) + end).encode())
        config = DatasetConfig.model_validate(
            {"task": "text", "files": [name], "columns": {"text": "text", "label": "y"}}
        )
        table = read_raw(tmp_path, config)
        assert table["text"].to_pylist() == ["one", "two\ttabs"], name
        assert table["label"].to_pylist() == ["a", "b"], name
    (tmp_path / "a.conll").write_bytes(end.join(["a O", "b B-X", "", "c O", ""]).encode())
    found = read_conll(tmp_path / "a.conll", "a.conll").sentences
    assert [each.tokens for each in found] == [("a", "b"), ("c",)]


def test_labels_go_back_between_the_line_ends_of_an_old_mac(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"t": "one", "y": null}\r{"t": "two", "y": "b"}\r')
    put_back(tmp_path, "y", {"a.jsonl": {1: "a"}})
    assert path.read_bytes() == b'{"t": "one", "y": "a"}\r{"t": "two", "y": "b"}\r'


def test_labels_are_put_beside_a_number_that_keeps_its_digits(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"x": {LONG}, "y": null}}\n')
    put_back(tmp_path, "y", {"a.jsonl": {1: "a"}})
    assert path.read_text() == f'{{"x": {LONG}, "y": "a"}}\n'


def test_json_keeps_every_digit_and_truths_are_no_numbers(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    values = [LONG, f"{LONG}1", "1.5", "true", str(2**53 + 1), str(2**70 + 1), "1e-7"]
    path.write_text("\n".join(f'{{"v": {value}, "y": "a\\u00e9"}}' for value in values))
    config = DatasetConfig.model_validate(
        {"task": "tabular", "files": ["a.jsonl"], "columns": {"label": "y"}}
    )
    texts = read_raw(tmp_path, config)["text"].to_pylist()
    assert texts == [f'{{"v":{value}}}' for value in values]
    assert read_jsonl(path, "a", ["v"])["v"].to_pylist() == [*values[:-1], "1e-07"]
    path.write_text(f'{{"v": {"9" * 5000}}}')
    with pytest.raises(DataError, match="line 1: is not JSON: Exceeds the limit"):
        read_jsonl(path, "a.jsonl", None)


def test_an_exported_table_has_the_digits_of_the_lake():
    whole = ["1", str(2**62 + 1), "9.007199254740992e+15"]
    cells = ["1", str(2**53 + 1), "0.5"], [LONG, "1", "2"], whole
    rows = [f'{{"a":{a},"b":{b},"c":{c}}}' for a, b, c in zip(*cells, strict=True)]
    made = TASK.rows.restore(pa.table({"id": ["1", "2", "3"], "label": ["x"] * 3, "text": rows}))
    assert made["a"].to_pylist() == ["1", "9007199254740993", "0.5"]
    assert made["b"].to_pylist() == [LONG, "1", "2"]
    assert made["c"].to_pylist() == [1, 2**62 + 1, 2**53]
