from __future__ import annotations

import json
import math
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.core.errors import DataError
from sluice.data.config import DatasetConfig
from sluice.data.ingest.raw import read_raw
from sluice.tasks.tabular.config import TableColumns
from sluice.tasks.tabular.payload import (
    feature_columns,
    infinite_column,
    is_empty_row,
    row_texts,
    shown_row,
)


def config(*files: str, **columns: object) -> DatasetConfig:
    named = {"label": "y"} | columns
    return DatasetConfig.model_validate({"task": "tabular", "files": list(files), "columns": named})


def write(folder: Path, name: str, content: str) -> None:
    (folder / name).write_text(content, encoding="utf-8")


def test_a_row_is_one_json_object():
    table = pa.table(
        {"b": ["x", None], "a": [1.5, 2.0], 'q"': [True, False], "left out": [[1], []]}
    )
    assert row_texts(table, ["b", "a", 'q"'], "f").to_pylist() == [
        '{"a":1.5,"b":"x","q\\"":true}',
        '{"a":2,"b":null,"q\\"":false}',
    ]


def test_features_are_all_columns_without_another_meaning():
    present = ["z", "y", "i", "a"]
    assert feature_columns(TableColumns(label="y", id="i"), present, "f") == ["a", "z"]
    assert feature_columns(TableColumns(label="y", features=["z"]), present, "f") == ["z"]


@pytest.mark.parametrize(
    ("columns", "present", "says"),
    [
        ({"label": "yy"}, ["a", "y"], "f has no column 'yy'. Did you mean 'y'?"),
        ({"label": "y", "features": ["b"]}, ["a", "y"], "f has no column 'b'"),
        ({"label": "y", "types": {"b": "date"}}, ["a", "y"], "f has no column 'b'"),
        ({"label": "y"}, ["a", "a", "y"], "f has 2 columns named 'a'"),
        ({"label": "y", "id": "i"}, ["y", "i"], "f has no column besides 'y', 'i', so there is"),
        ({"label": "y"}, ["", "y"], "f has a column without a name, such as a saved row number"),
    ],
)
def test_columns_that_are_not_there(columns, present, says):
    with pytest.raises(DataError) as caught:
        feature_columns(TableColumns(**columns), present, "f")
    assert says in str(caught.value)


def test_empty_rows():
    assert is_empty_row('{"a":null}')
    assert is_empty_row('{"a":null,"q\\"\\\\":null}')
    assert not is_empty_row('{"a":null,"b":0}')
    assert not is_empty_row('{"a":"\\":null,\\"","b":null}')


def test_infinite_values_name_their_column():
    text = '{"a":1,"b":"-inf","c":"inf"}'
    assert infinite_column(text, {}) == "b"
    assert infinite_column(text, {"b": "categorical"}) == "c"
    assert infinite_column('{"a":"info","b":"infinite"}', {}) is None


def test_every_format_gives_the_same_rows(tmp_path):
    table = pa.table(
        {
            "n": pa.array([1, 2, None], pa.int64()),
            "f": pa.array([0.5, math.nan, 3.0], pa.float32()),
            "c": ["red", " blue", None],
            "d": [date(2024, 1, 31), None, date(2023, 2, 1)],
            "b": [True, False, None],
            "y": [0.0, 1.0, 1.0],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    pacsv.write_csv(table.set_column(1, "f", pa.array([0.5, None, 3.0])), tmp_path / "a.csv")
    # As pandas writes booleans.
    written = (tmp_path / "a.csv").read_text().replace("true", "True")
    write(tmp_path, "a.csv", written)
    rows = [
        {"n": 1, "f": 0.5, "c": "red", "d": "2024-01-31", "b": True, "y": 0},
        {"n": 2, "f": None, "c": "blue", "b": False, "y": 1},
        {"f": 3, "d": "2023-02-01", "y": 1.0},
    ]
    write(tmp_path, "a.jsonl", "\n".join(map(json.dumps, rows)))
    first = read_raw(tmp_path, config("a.parquet")).drop_columns(["file"])
    assert first.column("text")[1].as_py() == '{"b":false,"c":"blue","d":null,"f":null,"n":2}'
    assert first.column("label").to_pylist() == ["0", "1", "1"]
    for name in ("a.csv", "a.jsonl"):
        assert read_raw(tmp_path, config(name)).drop_columns(["file"]).equals(first)
        named = config(name, features=list("nfcdb"))
        assert read_raw(tmp_path, named).drop_columns(["file"]).equals(first)


def test_files_of_other_columns_are_refused(tmp_path):
    write(tmp_path, "a.csv", "a,b,y\n1,2,x\n")
    write(tmp_path, "b.csv", "a,y,c\n1,x,3\n")
    with pytest.raises(DataError, match=r"b.csv has other columns .* 'b', 'c' are in one and not"):
        read_raw(tmp_path, config("*.csv"))
    assert read_raw(tmp_path, config("*.csv", features=["a"])).column("text").to_pylist() == [
        '{"a":1}'
    ] * 2  # fmt: skip


def test_other_columns_are_read_as_for_texts(tmp_path):
    write(tmp_path, "a.csv", "a,i,g,s,y\n1,007,1.0,train,x\n")
    columns = {"id": "i", "group": "g", "split": "s"}
    (row,) = read_raw(tmp_path, config("a.csv", **columns)).to_pylist()
    assert row == {
        "text": '{"a":1}', "label": "x", "id": "007", "group": "1.0", "split": "train",
        "file": "a.csv", "row": 1,
    }  # fmt: skip


CELL = st.none() | st.booleans() | st.floats(-1e9, 1e9) | st.sampled_from(["red", 'b"l,\\u', "é "])


@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=8))
@settings(max_examples=100, deadline=None)
def test_a_row_reads_back_and_depends_on_itself_alone(rows):
    def texts(chosen: list[tuple[object, ...]]) -> list[str]:
        columns = zip(*chosen, strict=True)
        table = pa.table(
            {
                name: pa.array([None if x is None else str(x) for x in column], pa.string())
                for name, column in zip("ab", columns, strict=True)
            }
        )
        return row_texts(table, ["a", "b"], "f").to_pylist()

    together = texts(list(rows))
    assert together == [text for row in rows for text in texts([row])]
    for text, row in zip(together, rows, strict=True):
        expected = [x.strip() if isinstance(x, str) else x for x in row]
        assert list(json.loads(text).values()) == expected


def test_a_row_is_shown_without_what_is_missing():
    assert shown_row('{"a":1.5,"b":null,"c":"x y","d":false}') == "a 1.5 · c x y · d False"
