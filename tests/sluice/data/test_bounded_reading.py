"""Files that nobody vouches for: refused in words, at once, whatever they would expand to."""

import gzip
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather as pf
import pyarrow.parquet as pq
import pytest

from sluice.core.bounded import (
    MOST_COLUMNS,
    MOST_FILES,
    MOST_GIB,
    digests_of_reads,
    read_bytes,
)
from sluice.core.errors import ConfigError, DataError
from sluice.data.config import DatasetConfig
from sluice.data.ingest.add import add_dataset
from sluice.data.ingest.files import folder_stamp, matching_files
from sluice.data.ingest.raw import read_file

LONG = "a" * 1_000_000


def repeated(rows: int) -> pa.Table:
    numbers = pa.array(np.zeros(rows, dtype=np.int32))
    return pa.table({"t": pa.DictionaryArray.from_arrays(numbers, pa.array([LONG]))})


def nested(rows: int) -> pa.Table:
    return pa.table({"t": pa.array([[{"role": "user", "content": LONG}]]).take([0] * rows)})


def packed_pages(path: Path) -> None:
    pq.write_table(repeated(20_000), path, compression="zstd", store_schema=False)


def packed_messages(path: Path) -> None:
    pq.write_table(nested(80), path, compression="zstd", row_group_size=30)


def shared_beginnings(path: Path) -> None:
    table = pa.table({"t": [f"{LONG}{row}" for row in range(80)]})
    encoding = {"t": "DELTA_BYTE_ARRAY"}
    pq.write_table(table, path, use_dictionary=False, column_encoding=encoding, compression="zstd")


def one_number(path: Path) -> None:
    pq.write_table(pa.table({"t": np.zeros(8_000_000, dtype=np.int8)}), path)


def no_values(path: Path) -> None:
    pq.write_table(pa.table({"t": pa.nulls(200_000_000)}), path)


def packed_buffers(path: Path) -> None:
    pf.write_feather(pa.table({"t": [LONG * 10] * 8}), path, compression="zstd")


def packed_stream(path: Path) -> None:
    table = pa.table({"t": [LONG * 10] * 8})
    packed = pa.ipc.IpcWriteOptions(compression="lz4")
    with (
        pa.OSFile(str(path), "wb") as out,
        pa.ipc.new_stream(out, table.schema, options=packed) as w,
    ):
        w.write_table(table)


def dictionary_stream(path: Path) -> None:
    table = repeated(20_000)
    with pa.OSFile(str(path), "wb") as out, pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)


def views(path: Path) -> None:
    column = repeated(20_000)["t"].chunk(0)
    length = np.array([len(LONG)], dtype=np.int32).tobytes() + b"aaaa" + bytes(8)
    buffers = [None, pa.py_buffer(length * len(column)), pa.py_buffer(LONG.encode())]
    table = pa.table({"t": pa.Array.from_buffers(pa.string_view(), len(column), buffers)})
    with pa.OSFile(str(path), "wb") as out, pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)


def zipped_rows(path: Path) -> None:
    with gzip.open(path, "wb", 1) as out:
        out.write(b"t,y\n")
        for _ in range(80):
            out.write(b"some text of a row,x\n" * 50_000)


def many_members(path: Path) -> None:
    # The size at the end of the file is that of the last member alone.
    path.write_bytes(gzip.compress(b"t,y\n" + b"some text,x\n" * 1_000_000) * 30)


def empty_space(path: Path) -> None:
    with path.open("wb") as out:
        out.truncate(20_000_000_000)


@pytest.mark.parametrize(
    ("name", "make", "gib"),
    [
        ("a.parquet", packed_pages, None),
        ("a.parquet", packed_messages, "0.05"),
        ("a.parquet", shared_beginnings, "0.05"),
        ("a.parquet", one_number, "1"),
        ("a.parquet", no_values, None),
        ("a.arrow", packed_buffers, "0.05"),
        ("a.arrow", packed_stream, "0.05"),
        ("a.arrow", dictionary_stream, None),
        ("a.arrow", views, None),
        ("a.csv.gz", zipped_rows, "0.05"),
        ("a.csv.gz", many_members, None),
        ("a.csv", empty_space, None),
        ("a.jsonl", empty_space, None),
        ("a.parquet", empty_space, None),
    ],
)
def test_what_expands_is_refused_and_the_limit_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    make: Callable[[Path], None],
    gib: str | None,
) -> None:
    if gib is not None:
        monkeypatch.setenv(MOST_GIB, gib)
    make(tmp_path / name)
    began, before = time.process_time(), pa.total_allocated_bytes()
    with pytest.raises(DataError, match=rf"a\.{name[2:]} .*{gib or 2} GiB.*{MOST_GIB}"):
        read_file(tmp_path / name)
    assert time.process_time() - began < 5
    assert pa.total_allocated_bytes() - before < 1 << 30


def test_a_file_within_the_limits_is_read_whatever_repeats_in_it(tmp_path: Path) -> None:
    for number, table in enumerate((repeated(40), nested(40))):
        path = tmp_path / f"{number}.parquet"
        pq.write_table(table, path, store_schema=False)
        assert read_file(path)["t"].to_pylist() == table["t"].to_pylist()
    packed_buffers(tmp_path / "a.arrow")
    assert read_file(tmp_path / "a.arrow").num_rows == 8


def test_a_raised_limit_reads_what_the_lower_one_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.csv").write_text("t,y\n" + "some text,x\n" * 20_000)
    monkeypatch.setenv(MOST_GIB, "0.0001")
    with pytest.raises(DataError, match=r"and the limit is .* GiB\."):
        read_file(tmp_path / "a.csv")
    monkeypatch.setenv(MOST_GIB, "0.001")
    assert read_file(tmp_path / "a.csv").num_rows == 20_000
    for wrong in ("much", "0", "nan", "-1", "1e99"):
        monkeypatch.setenv(MOST_GIB, wrong)
        with pytest.raises(ConfigError, match=f"{MOST_GIB} is '{wrong}'; set it to a number"):
            read_file(tmp_path / "a.csv")


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.tsv"])
def test_a_line_without_an_end_is_refused_before_it_is_read_whole(
    tmp_path: Path, name: str
) -> None:
    with (tmp_path / name).open("wb") as out:
        out.write(b"t,y\nx,1\n")
        out.truncate(1_500_000_000)
    with pytest.raises(DataError, match="a line of more than 64 MiB, from byte 8 on"):
        read_file(tmp_path / name)


def test_a_zipped_file_that_was_not_written_to_its_end(tmp_path: Path) -> None:
    with (tmp_path / "a.csv.gz").open("wb") as out:
        out.write(gzip.compress(b"t,y\nx,1\n"))
        out.truncate(500_000_000)
    began = time.process_time()
    with pytest.raises(DataError, match="is not a whole gzip file: it ends in 499,"):
        read_file(tmp_path / "a.csv.gz")
    assert time.process_time() - began < 5


def wide_csv(path: Path) -> None:
    path.write_text(",".join(f"c{i}" for i in range(100_000)) + "\n" + "1," * 99_999 + "1\n")


def wide_json(path: Path) -> None:
    path.write_text(json.dumps({f"c{i}": 1 for i in range(100_000)}) + "\n")


def wide_apart(path: Path) -> None:
    path.write_text("".join(f'{{"c{i}": 1}}\n' for i in range(30_000)))


def wide_arrow(path: Path) -> None:
    pf.write_feather(pa.table({f"c{i}": [1] for i in range(11_000)}), path, compression="lz4")


@pytest.mark.parametrize(
    ("name", "make"),
    [("a.csv", wide_csv), ("a.jsonl", wide_json), ("a.jsonl", wide_apart), ("a.arrow", wide_arrow)],
)
def test_too_many_columns(tmp_path: Path, name: str, make: Callable[[Path], None]) -> None:
    make(tmp_path / name)
    with pytest.raises(DataError, match=f"columns, and the limit is 10,000.*{MOST_COLUMNS}"):
        read_file(tmp_path / name)


def test_many_columns_within_the_limit(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        ",".join(f"c{i}" for i in range(9000)) + "\n" + "1," * 8999 + "1\n"
    )
    assert read_file(tmp_path / "a.csv").num_columns == 9000


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"t": ' + "[" * 200 + "]" * 200 + "}", "more than 64 deep"),
        ('{"t": ' + "[" * 200_000 + "]" * 200_000 + "}", "more than 64 deep"),
        ('{"t": ' + "9" * 5000 + "}", "line 1: is not JSON: Exceeds the limit"),
    ],
)
def test_json_that_no_row_holds(tmp_path: Path, line: str, expected: str) -> None:
    (tmp_path / "a.jsonl").write_text(line + "\n")
    for columns in (None, ["t"]):
        with pytest.raises(DataError, match=expected):
            read_file(tmp_path / "a.jsonl", columns)


def test_a_name_of_a_megabyte_is_not_printed(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("t,y," + "n" * 1_000_000 + "\nx,1,2\n")
    with pytest.raises(DataError, match="the name of column 3 has 1,000,000 characters") as caught:
        read_file(tmp_path / "a.csv")
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "name", ["a.csv", "a.csv.gz", "a.jsonl", "a.parquet", "a.arrow", "a.conll"]
)
def test_what_is_no_regular_file_is_refused_and_not_opened(tmp_path: Path, name: str) -> None:
    options: dict[str, Any] = {"text_column": "t", "label_column": "y"}
    options = {"task": "tokens"} if name == "a.conll" else options
    os.mkfifo(tmp_path / name)
    with pytest.raises(DataError, match="is a named pipe and no regular file"):
        add_dataset(tmp_path / name, tmp_path / "datasets", **options)
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to("/dev/zero")
    with pytest.raises(DataError, match="is a device and no regular file"):
        add_dataset(tmp_path / name, tmp_path / "datasets", **options)
    assert not (tmp_path / "datasets").exists()


def damaged_text(path: Path) -> None:
    pq.write_table(pa.table({"t": ["one text", "another"]}), path, compression="none")
    data = path.read_bytes()
    path.write_bytes(data.replace(b"one text", b"one \xff\xfext"))


def damaged_offsets(path: Path) -> None:
    table = pa.table({"t": ["one text", "two", "three"]})
    with pa.OSFile(str(path), "wb") as out, pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)
    right, wrong = (np.array([0, 8, end, 16], np.int32).tobytes() for end in (11, 2**30))
    path.write_bytes(path.read_bytes().replace(right, wrong))


@pytest.mark.parametrize(
    ("name", "make"), [("a.parquet", damaged_text), ("a.arrow", damaged_offsets)]
)
def test_damage_that_can_be_read_and_not_be_used(
    tmp_path: Path, name: str, make: Callable[[Path], None]
) -> None:
    make(tmp_path / name)
    with pytest.raises(DataError, match="column 't' is damaged or not UTF-8"):
        read_file(tmp_path / name)


def test_the_digest_is_that_of_the_bytes_that_were_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("t\nx\n")
    with digests_of_reads() as digests:
        read_bytes(path)
        read_bytes(path)
        path.write_text("t\ny\n")
        with pytest.raises(DataError, match=r"a\.csv changed while it was read"):
            read_bytes(path)
    assert list(digests) == [path]


def test_a_file_that_changes_while_it_is_added_is_not_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.csv"
    whole = "t,y\n" + "".join(f"text {i},{i % 2}\n" for i in range(60))
    path.write_text(whole)
    from sluice.data.ingest import add

    def replaced(source: Path, config: DatasetConfig) -> Any:
        path.write_text(whole.replace("text", "word"))
        found = checked(source, config)
        path.write_text(whole)
        return found

    checked = add.check_file
    monkeypatch.setattr(add, "check_file", replaced)
    with pytest.raises(DataError, match="changed while it was read"):
        add_dataset(path, tmp_path / "datasets", text_column="t", label_column="y")
    assert list((tmp_path / "datasets").glob("*")) == []


def test_a_stamp_sees_other_bytes_of_the_same_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("t,y\nx,1\n")
    found, first = path.stat(), folder_stamp(tmp_path)
    assert folder_stamp(tmp_path) == first
    path.write_text("t,y\nx,2\n")
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert path.stat().st_mtime_ns == found.st_mtime_ns
    second = folder_stamp(tmp_path)
    assert second != first
    other = tmp_path / ".b"
    other.write_text("t,y\nx,3\n")
    os.utime(other, ns=(found.st_atime_ns, found.st_mtime_ns))
    other.rename(path)
    assert folder_stamp(tmp_path) not in (first, second)


def test_a_folder_of_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MOST_FILES, "10")
    for number in range(11):
        (tmp_path / f"{number}.csv").write_text("t,y\nx,1\n")
    with pytest.raises(DataError, match=f"holds more than 10 files.*{MOST_FILES}"):
        folder_stamp(tmp_path)
    values = {"task": "text", "files": ["*.csv"], "columns": {"text": "t", "label": "y"}}
    with pytest.raises(DataError, match="holds more than 10 files"):
        matching_files(tmp_path, DatasetConfig.model_validate(values))


def test_a_file_name_that_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"a\xff.csv")).write_text("t,y\nx,1\n")
    assert len(folder_stamp(tmp_path)) == 64
    values = {"task": "text", "files": ["*.csv"], "columns": {"text": "t", "label": "y"}}
    with pytest.raises(DataError, match=r"bytes that are not UTF-8\. Rename the file"):
        matching_files(tmp_path, DatasetConfig.model_validate(values))
