"""Labels that come back: judged whole, then written with nothing else changed."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.core.digests import content_hash
from sluice.core.errors import DataError, UnknownNameError
from sluice.data.config import DatasetConfig
from sluice.data.ingest.raw import read_file
from sluice.data.labels.label_import import put_back
from sluice.data.labels.labels_file import Judged, judge, read_answers

ROWS = (
    'id,note,text,label\r\na,"1, 2",one,x\r\n\r\n'
    'b,"say ""so""","two\nlines",\r\nc,,three, \r\nd,é,four,y\r\n'
)


def config(*files: str) -> DatasetConfig:
    columns = {"text": "text", "label": "label", "id": "id"}
    return DatasetConfig.model_validate(
        {"task": "text", "files": [*files], "columns": columns, "labelling": {}}
    )


def folder_of(tmp_path: Path, content: str = ROWS) -> Path:
    folder = tmp_path / "d"
    folder.mkdir()
    (folder / "rows.csv").write_bytes(content.encode())
    return folder


def judged(tmp_path: Path, rows: str, *queue: str, **more: bool) -> Judged:
    (tmp_path / "back.csv").write_text(f"id,label\n{rows}")
    answers = read_answers(tmp_path / "back.csv")
    return judge(answers, tmp_path / "d", config("rows.csv"), queue, **more)


def test_only_the_lines_of_the_labels_change(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "\ufeff" + ROWS)
    found = judged(tmp_path, "c,x\nb,y\na,x\n")
    assert (found.labels, found.count, found.same) == ({"rows.csv": {2: "y", 3: "x"}}, 2, 1)
    put_back(folder, "label", found.labels)
    assert (folder / "rows.csv").read_bytes().decode() == "\ufeff" + ROWS.replace(
        'lines",\r\n', 'lines",y\r\n'
    ).replace("three, \r\n", "three,x\r\n")
    assert [path.name for path in folder.iterdir()] == ["rows.csv"]


@pytest.mark.parametrize(
    ("rows", "error", "problem"),
    [
        ("b,x\nb,y\n", DataError, "1 ids more than once: 'b'"),
        ("b,x\n,y\n", DataError, "row 2 has no id"),
        ("b,x\nzz,y\n", DataError, "1 ids are of no usable row"),
        ("b,x\na,y\n", DataError, "1 rows have another label already: 'a' is 'x' in rows.csv"),
        ("b,z\nc,z\n", UnknownNameError, "Unknown label 'z'"),
    ],
)
def test_a_wrong_file_changes_nothing(
    tmp_path: Path, rows: str, error: type[Exception], problem: str
) -> None:
    folder_of(tmp_path)
    with pytest.raises(error) as caught:
        judged(tmp_path, rows)
    assert problem in str(caught.value)


def test_new_classes_and_rows_that_are_still_blank(tmp_path: Path) -> None:
    folder_of(tmp_path)
    assert judged(tmp_path, "b,z\n", new_labels=True).labels == {"rows.csv": {2: "z"}}
    found = judged(tmp_path, "b,x\nc,\n", "b", "c", "d")
    assert found.labels == {"rows.csv": {2: "x"}}
    assert found.remarks == [
        "1 rows of the file are still blank, the first 'c'.",
        "1 rows of the queue are not in the file, the first 'd'.",
    ]
    with pytest.raises(DataError, match="still blank"):
        judged(tmp_path, "b,x\nc,\n", "b", "c", strict=True)


def test_new_classes_that_may_not_be_meant(tmp_path: Path) -> None:
    folder_of(tmp_path)
    found = judged(tmp_path, "b,X\nc,nan\n", new_labels=True)
    assert [remark.split(":")[0] for remark in found.remarks] == [
        "case_variants",
        "null_like_labels",
    ]
    assert judged(tmp_path, "b,x\nc,y\n").remarks == []
    with pytest.raises(DataError, match="the label of row 2 holds a NUL"):
        judged(tmp_path, "b,x\nc,y\0\n", new_labels=True)


def test_rows_without_ids_are_known_again(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "text,label\none,x\ntwo,\nthree,y\n")
    columns = {"text": "text", "label": "label"}
    settings = config("rows.csv").model_dump(exclude={"columns"}) | {"columns": columns}
    anonymous = DatasetConfig.model_validate(settings)
    answers = [(f"{content_hash('two', '')[:16]}-0", "y")]
    found = judge(answers, folder, anonymous)
    assert found.labels == {"rows.csv": {2: "y"}}
    put_back(folder, "label", found.labels)
    again = judge(answers, folder, anonymous)
    assert (again.labels, again.same) == ({}, 1)


def test_a_first_label_must_be_called_new(tmp_path: Path) -> None:
    folder_of(tmp_path, "id,text,label\na,one,\nb,two,\n")
    with pytest.raises(DataError, match="No row has a label yet"):
        judged(tmp_path, "a,x\n")


def test_json_lines_keep_their_bytes_and_their_kind_of_label(tmp_path: Path) -> None:
    lines = ['{"label": 1,  "text": "é"}', "", '{"text": "b", "z": [1]}', '{"text": "c"}']
    (tmp_path / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    put_back(tmp_path, "label", {"rows.jsonl": {2: "1", 3: "new"}})
    after = (tmp_path / "rows.jsonl").read_text(encoding="utf-8").split("\n")
    assert after[:2] == lines[:2]
    assert [json.loads(line) for line in after[2:]] == [
        {"text": "b", "z": [1], "label": 1},
        {"text": "c", "label": "new"},
    ]


def test_other_values_of_json_keep_their_spelling(tmp_path: Path) -> None:
    lines = [
        '{ "n" : 1.50,"label": null ,"é": "\\u00e9"}\r\n',
        '{"big":1e400, "m":[1.0 , {"label": 2}]}\n',
        "{}",
    ]
    (tmp_path / "rows.jsonl").write_bytes("".join(lines).encode())
    put_back(tmp_path, "label", {"rows.jsonl": {1: "x", 2: 'y"', 3: "z"}})
    after = [
        '{ "n" : 1.50,"label": "x" ,"é": "\\u00e9"}\r\n',
        '{"big":1e400, "m":[1.0 , {"label": 2}], "label": "y\\""}\n',
        '{"label": "z"}',
    ]
    assert (tmp_path / "rows.jsonl").read_bytes().decode() == "".join(after)


@pytest.mark.parametrize(
    ("column", "label", "stored"),
    [
        (pa.array(["x", None]), "x", "x"),
        (pa.array(["x", None], pa.large_string()), "y", "y"),
        (pa.array([3, None]), "3", 3),
        (pa.array([3.0, None]), "4", 4.0),
        (pa.array([True, None]), "true", True),
        (pa.array(["x", ""]).dictionary_encode(), "y", "y"),
        (pa.array([None, None]), "y", "y"),
    ],
)
def test_parquet_keeps_types_and_the_other_columns(
    tmp_path: Path, column: pa.Array, label: str, stored: object
) -> None:
    more = {"more": [[1], None], "some": [float("nan"), 2.0]}
    table = pa.table({**more, "label": column, "text": ["a", "b"]})
    pq.write_table(table.replace_schema_metadata({"who": "we"}), tmp_path / "rows.parquet")
    put_back(tmp_path, "label", {"rows.parquet": {2: label}})
    after = pq.read_table(tmp_path / "rows.parquet")
    assert after["label"].to_pylist() == [column[0].as_py(), stored]
    others = [each.drop_columns(["label"]) for each in (after, table)]
    assert others[0].schema.equals(others[1].schema)
    assert repr(others[0].to_pylist()) == repr(others[1].to_pylist())
    assert after.schema.metadata[b"who"] == b"we"
    if not pa.types.is_null(column.type):
        assert after.schema.field("label").type == column.type


def test_a_type_that_takes_no_such_label(tmp_path: Path) -> None:
    pq.write_table(pa.table({"label": [3, None], "text": ["a", "b"]}), tmp_path / "rows.parquet")
    before = (tmp_path / "rows.parquet").read_bytes()
    with pytest.raises(DataError, match="takes no such label"):
        put_back(tmp_path, "label", {"rows.parquet": {2: "new"}})
    assert (tmp_path / "rows.parquet").read_bytes() == before


def test_several_files_are_written_all_or_none(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("label,text\n,one\n")
    (tmp_path / "b.tsv.gz").write_bytes(gzip.compress(b"label\ttext\n\ttwo\n"))
    pq.write_table(pa.table({"label": [1, None]}), tmp_path / "c.parquet")
    both = {"a.csv": {1: "x"}, "b.tsv.gz": {1: "y, z"}}
    with pytest.raises(DataError):
        put_back(tmp_path, "label", {**both, "c.parquet": {2: "x"}})
    assert (tmp_path / "a.csv").read_text() == "label,text\n,one\n"
    assert len(list(tmp_path.iterdir())) == 3
    put_back(tmp_path, "label", both)
    assert read_file(tmp_path / "b.tsv.gz")["label"].to_pylist() == ["y, z"]
    assert (tmp_path / "a.csv").read_text() == "label,text\nx,one\n"


def test_an_arrow_file_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "rows.arrow").write_bytes(b"")
    with pytest.raises(DataError, match="is an Arrow file"):
        put_back(tmp_path, "label", {"rows.arrow": {1: "x"}})


def test_rows_that_moved_since_they_were_counted_get_no_label(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    found = judged(tmp_path, "c,x\nb,y\na,x\n")
    lines = ROWS.splitlines(keepends=True)
    moved = "".join([lines[0], "z,a row that came first,x\r\n", *lines[1:]])
    (folder / "rows.csv").write_bytes(moved.encode())
    with pytest.raises(DataError, match=r"rows\.csv changed while it was read"):
        put_back(folder, "label", found.labels, read=found.read)
    assert (folder / "rows.csv").read_bytes() == moved.encode()
