from __future__ import annotations

import contextlib
import gzip
import json
import os
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.core.errors import DataError
from sluice.data.config import DatasetConfig, dump_config
from sluice.data.ingest.raw import folder_digest, read_file, read_raw


def config(*files: str, **columns: str) -> DatasetConfig:
    named = {"text": "t", "label": "y"} | columns
    return DatasetConfig.model_validate({"task": "text", "files": list(files), "columns": named})


def failure(folder: Path, settings: DatasetConfig) -> str:
    with pytest.raises(DataError) as caught:
        read_raw(folder, settings)
    return str(caught.value)


@contextlib.contextmanager
def nobody() -> Iterator[None]:
    """Root may read everything: step down where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", b"", "a.csv is empty. Put rows into it or remove it."),
        ("a.csv", b"\n \n", "a.csv is empty."),
        ("a.csv", b"t,y\n", "a.csv holds a header and no row. Add rows or remove the file."),
        ("a.csv", b"tt,y\nx,1\n", "has no column 't'. Did you mean 'tt'? Its columns: tt, y."),
        ("a.csv", b"T,y\nx,1\n", "has no column 't'. Did you mean 'T'? Its columns: T, y."),
        ("a.csv", b"t,t,y\nx,1,2\n", "has 2 columns named 't'. Rename them"),
        (
            "a.csv",
            b"t,y\nx,1\nz\xe9,2\n",
            "is not UTF-8: byte 9 (line 3) is 0xe9. Convert it, for example from "
            "WINDOWS-1252: iconv -f",
        ),
        (
            "a.csv",
            "t,y\nx,1\n".encode("utf-16"),
            "is not UTF-8: byte 0 (line 1) is 0xff. "
            "Convert it, for example from UTF-16: iconv -f UTF-16 -t UTF-8",
        ),
        (
            "a.csv",
            b't,y\n"one\ntwo",1\nx,2,3\n',
            "a.csv, line 4: 3 values where the header has 2. Correct the line; a value "
            "that holds a comma, a quote",
        ),
        ("a.csv", b"t,y\nx,1\nx\n", "a.csv, line 3: 1 values where the header has 2."),
        ("a.csv", b't,y\nx,1\n"x,1\ny,2\n', "a.csv, line 3: a quote is opened and never closed."),
        ("a.csv", b't,y\nx,1\nx,"1\ny,2\n', "a.csv, line 3, column 3: a quote is opened and nev"),
        (
            "a.tsv",
            b"t\ty\nx\t1\t2\n",
            "a.tsv, line 2: 3 values where the header has 2. Correct "
            "the line; a value that holds a tab,",
        ),
        ("a.csv.gz", b"t,y\nx,1\n", "a.csv.gz is not a whole gzip file: Not a gzipped file"),
        ("a.csv.gz", gzip.compress(b"t,y\nx,1\n", mtime=0)[:-9], "is not a whole gzip file"),
        ("a.jsonl", b"", "a.jsonl is empty."),
        ("a.jsonl", b"\n\n", "a.jsonl is empty."),
        ("a.jsonl", b'{"t":"x","y":1}\n\n{"t":\n', "a.jsonl, line 3: is not JSON: Expecting value"),
        ("a.jsonl", b'{"t":"x","y":1}\n[1]\n', "a.jsonl, line 2: is not an object but '[1]'."),
        (
            "a.jsonl",
            b'{"t":"x","y":1}\n{"t":"\\ud800","y":1}\n',
            "a.jsonl, line 2: holds half of a surrogate pair",
        ),
        ("a.jsonl", b'{"t":"\xff","y":1}\n', "a.jsonl is not UTF-8: byte 6 (line 1) is 0xff."),
        ("a.jsonl", b'{"tt":"x","y":1}\n', "a.jsonl has no column 't'. Did you mean 'tt'?"),
        ("a.jsonl", b'{"t":["x"],"y":1}\n', "row 1 holds a list or an object in the column 't'"),
        ("a.parquet", b"", "a.parquet is empty."),
        ("a.parquet", b"PAR1 and nothing else", "a.parquet is not a whole Parquet file: "),
        (
            "a.txt",
            b"x",
            "is no file that Sluice reads: its name must end in one of .csv.gz, .tsv.gz",
        ),
    ],
)
def test_each_bad_file_has_one_clear_message(tmp_path, name, content, expected):
    (tmp_path / name).write_bytes(content)
    said = failure(tmp_path, config(name))
    assert expected in said
    assert str(tmp_path / name) in said


def test_bad_parquet_files(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"t": ["x"] * 50, "label": list(range(50))}), path)
    assert "has no column 'y'. Its columns: t, label." in failure(tmp_path, config("a.parquet"))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "is not a whole Parquet file" in failure(tmp_path, config("a.parquet"))
    path.write_bytes(whole[:4] + b"\xff" * 60 + whole[64:])
    assert "is not a whole Parquet file" in failure(tmp_path, config("a.parquet", label="label"))
    pq.write_table(pa.table({"t": pa.array([], pa.string()), "y": pa.array([], pa.int8())}), path)
    assert "holds columns and no row" in failure(tmp_path, config("a.parquet"))
    pq.write_table(pa.table({"t": ["x"], "y": [[1]]}), path)
    said = failure(tmp_path, config("a.parquet"))
    assert "the column 'y' holds list<element: int64>, not one text or number a row" in said
    pq.write_table(pa.table({"t": [b"\xff"], "y": [1]}), path)
    assert "the column 't' holds binary that is not text" in failure(tmp_path, config("a.parquet"))


def test_missing_files(tmp_path):
    (tmp_path / "b.csv").write_text("t,y\nx,1\n")
    said = failure(tmp_path, config("a.csv"))
    assert said.startswith(f"{tmp_path / 'a.csv'} does not exist; the folder holds b.csv. Put")
    said = failure(tmp_path, config("*.jsonl"))
    assert said.startswith(f"No file in {tmp_path} matches '*.jsonl'; the folder holds b.csv. Put")
    assert "is not a folder" in failure(tmp_path / "gone", config("a.csv"))
    with pytest.raises(DataError, match=r"a.csv does not exist. Check the path."):
        read_file(tmp_path / "a.csv")


def test_links_that_leave_the_folder(tmp_path):
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    outside.mkdir()
    folder.mkdir()
    (outside / "a.csv").write_text("t,y\nx,1\n")
    (folder / "a.csv").symlink_to(outside / "a.csv")
    (folder / "sub").symlink_to(outside)
    for pattern in ("a.csv", "*.csv", "sub/a.csv", "sub/*.csv"):
        assert "outside the dataset's folder. Copy the file" in failure(folder, config(pattern))
    (folder / "b.csv").write_text("t,y\nx,1\n")
    (folder / "c.csv").symlink_to(folder / "b.csv")
    assert read_raw(folder, config("c.csv")).num_rows == 1


def test_what_may_not_be_read():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "a.csv").write_text("t,y\nx,1\n")
        (folder / "a.csv").chmod(0)
        (folder / "p.parquet").write_text("x")
        (folder / "p.parquet").chmod(0)
        (folder / "dataset.yaml").write_text(dump_config(config("a.csv")))
        with nobody():
            for file in ("a.csv", "p.parquet"):
                said = failure(folder, config(file))
                assert said.startswith(f"{folder / file} cannot be read: Permission denied. Check")
            with pytest.raises(DataError, match=r"a.csv cannot be read: Permission denied"):
                folder_digest(folder)
        folder.chmod(0)
        with nobody():
            assert "cannot be listed: Permission denied" in failure(folder, config("*.csv"))
            assert "cannot be listed: Permission denied" in failure(folder, config("a.csv"))
        folder.chmod(0o755)


def test_a_folder_in_place_of_a_file(tmp_path):
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(DataError, match=r"a.csv cannot be read: Is a directory"):
        read_file(tmp_path / "a.csv")


ROWS = [("one, two", "a"), ('say "x"', "b"), ("line\nbreak\u2028sep", "a"), ("  ümläut ", "")]


def write_all(folder: Path, texts: list[str], labels: list[str]) -> list[str]:
    table = pa.table({"t": pa.array(texts, pa.string()), "y": pa.array(labels, pa.string())})
    pacsv.write_csv(table, folder / "a.csv")
    (folder / "b.csv.gz").write_bytes(gzip.compress((folder / "a.csv").read_bytes()))
    pacsv.write_csv(table, folder / "c.tsv", pacsv.WriteOptions(delimiter="\t"))
    (folder / "d.jsonl").write_text(
        "".join(json.dumps({"y": y, "t": t}) + "\n" for t, y in zip(texts, labels, strict=True)),
        encoding="utf-8",
    )
    pq.write_table(table, folder / "e.parquet", row_group_size=2)
    (folder / "f.csv").write_bytes(b"\xef\xbb\xbf" + (folder / "a.csv").read_bytes())
    return ["a.csv", "b.csv.gz", "c.tsv", "d.jsonl", "e.parquet", "f.csv"]


@given(
    st.lists(
        st.tuples(
            # a carriage return is a line end in CSV unless quoted, and the writer does quote it
            st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
            st.sampled_from(["a", "007", "1.0", "NA", "", "true"]),
        ),
        min_size=1,
        max_size=6,
    )
)
@settings(max_examples=60, deadline=None)
def test_every_format_reads_back_what_was_written(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("formats")
    texts, labels = [t for t, _ in rows], [y for _, y in rows]
    for name in write_all(folder, texts, labels):
        table = read_raw(folder, config(name))
        assert table.column_names == ["text", "label", "file", "row"]
        assert table.column("text").to_pylist() == texts
        assert table.column("label").to_pylist() == labels
        assert table.column("row").to_pylist() == list(range(1, len(rows) + 1))
        assert set(table.column("file").to_pylist()) == {name}


def test_several_files_are_joined_by_name(tmp_path):
    names = write_all(tmp_path, [t for t, _ in ROWS], [y for _, y in ROWS])
    table = read_raw(tmp_path, config("*.parquet", "a.csv", "*.csv"))
    assert table.column("file").to_pylist() == [
        n for n in names if n in "a.csv e.parquet f.csv" for _ in ROWS
    ]
    assert table.schema.field("row").type == pa.int64()


def test_names_with_marks_of_patterns_are_taken_literally(tmp_path):
    (tmp_path / "a[1].csv").write_text("t,y\nx,1\n")
    assert read_raw(tmp_path, config("a[1].csv")).num_rows == 1


def test_hidden_files_and_the_configuration_are_passed_over(tmp_path):
    (tmp_path / ".part.csv").write_text("")
    (tmp_path / "dataset.yaml").write_text("")
    (tmp_path / "a.csv").write_text("t,y\nx,1\n")
    assert read_raw(tmp_path, config("*")).column("file").to_pylist() == ["a.csv"]


def test_every_type_becomes_the_same_text(tmp_path):
    kinds = {
        "int": pa.array([3, None], pa.int64()),
        "whole": pa.array([3.0, None], pa.float64()),
        "nan": pa.array([3.0, float("nan")], pa.float64()),
        "single": pa.array([3.0, None], pa.float32()),
        "decimal": pa.array([Decimal("3.00"), None], pa.decimal128(5, 2)),
        "coded": pa.array(["3", None]).dictionary_encode(),
        "large": pa.array(["3", None], pa.large_string()),
        "bytes": pa.array([b"3", None]),
    }
    for name, values in kinds.items():
        pq.write_table(pa.table({"t": ["x", "z"], "y": values}), tmp_path / "a.parquet")
        labels = read_raw(tmp_path, config("a.parquet")).column("label")
        assert labels.to_pylist() == ["3", None], name
        assert labels.type == pa.string(), name


def test_numbers_that_are_not_whole_and_truth(tmp_path):
    values = {
        "half": (pa.array([2.5, 1e20]), ["2.5", "100000000000000000000"]),
        "tenth": (pa.array([0.1, -0.0], pa.float32()), ["0.1", "0"]),
        "money": (pa.array([Decimal("2.50"), Decimal("100")], pa.decimal128(5, 2)), ["2.5", "100"]),
        "truth": (pa.array([True, False]), ["true", "false"]),
    }
    for name, (column, expected) in values.items():
        pq.write_table(pa.table({"t": ["x", "z"], "y": column}), tmp_path / "a.parquet")
        assert read_raw(tmp_path, config("a.parquet")).column("label").to_pylist() == expected, name
    (tmp_path / "a.jsonl").write_text(
        '{"t":"x","y":2.5}\n{"t":"x","y":1e20}\n{"t":"x","y":true}\n{"t":"x","y":"b"}\n'
        '{"t":"x","y":NaN}\n{"t":"x"}\n{"t":"x","y":99999999999999999999}\n'
    )
    assert read_raw(tmp_path, config("a.jsonl")).column("label").to_pylist() == [
        "2.5", "100000000000000000000", "true", "b", None, None, "99999999999999999999",
    ]  # fmt: skip


def test_whole_jsonl_files_keep_their_types(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"t":"x","n":1,"m":1}\n{"t":"z","m":"one","l":[1]}\n')
    assert read_file(tmp_path / "a.jsonl").to_pylist() == [
        {"t": "x", "n": 1, "m": "1", "l": None},
        {"t": "z", "n": None, "m": "one", "l": [1]},
    ]
