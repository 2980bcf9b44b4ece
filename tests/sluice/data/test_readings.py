"""Files as people have them: semicolons, decimal commas, workbooks, saved indexes, extremes."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sluice.core.errors import ConfigError, DataError
from sluice.data.config import load_config
from sluice.data.ingest.add import add_dataset, build_config, check_file
from sluice.data.ingest.instances import prepare
from sluice.data.ingest.raw import read_file, read_raw
from sluice.data.labels.label_import import put_back
from sluice.data.labels.labels_file import read_answers
from sluice.data.readers.conll import read_conll


def table_of(tmp_path: Path, sep: str, comma: bool) -> Path:
    rows = [
        (f"{i % 13 + i / 8:.3f}", str(i % 7), f"{i * 11.5:,.2f}", "ab"[i % 2]) for i in range(60)
    ]
    if comma:
        swap = str.maketrans(",.", ".,")
        rows = [(a.translate(swap), b, c.translate(swap), y) for a, b, c, y in rows]
    else:
        rows = [(a, b, c.replace(",", ""), y) for a, b, c, y in rows]
    text = "\r\n".join(sep.join(row) for row in [("x", "n", "price", "y"), *rows])
    path = tmp_path / f"{'comma' if comma else 'point'}.csv"
    path.write_text(("\ufeff" if comma else "") + text + "\r\n", encoding="utf-8", newline="")
    return path


def test_semicolons_and_decimal_commas_give_the_same_rows(tmp_path):
    folders = []
    for path in (table_of(tmp_path, ";", True), table_of(tmp_path, ",", False)):
        made = add_dataset(path, tmp_path / "d", task="tabular", label_column="y")
        folders.append(made.folder)
    config = load_config(folders[0])
    assert (config.reading.delimiter, config.reading.decimal) == (";", ",")
    assert load_config(folders[1]).reading == type(config.reading)()
    found = [
        prepare(read_raw(f, load_config(f)), load_config(f)).instances["content_hash"].to_pylist()
        for f in folders
    ]
    assert found[0] == found[1]
    assert len(found[0]) == 60


def test_decimal_commas_that_nobody_declared_are_refused(tmp_path):
    path = table_of(tmp_path, ";", True)
    config = build_config(path, "tabular", {"label": "y"})
    with pytest.raises(DataError, match=r"decimal comma. Write reading: \{decimal: ','\}"):
        check_file(path, config)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("x;y\n1,234;a\n2,345;b\n", r"'x' holds numbers such as '1,234'.*--decimal"),
        ("x, z;y\n1,5;a\n2,5;b\n", r"has the columns 'y' where a semicolon .*--delimiter ';'"),
    ],
)
def test_what_is_not_certain_is_refused_with_the_option(tmp_path, content, expected):
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(DataError, match=expected):
        add_dataset(tmp_path / "a.csv", tmp_path / "d", task="tabular", label_column="y")


def test_points_among_decimal_commas_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text("x;y\n1,5;a\n1.500;b\n")
    config = build_config(tmp_path / "a.csv", "tabular", {"label": "y"}, reading={"decimal": ","})
    with pytest.raises(
        DataError, match=r"'x' holds '1\.500', and decimals are said to have a comma"
    ):
        check_file(tmp_path / "a.csv", config)


@pytest.mark.parametrize("wrong", ["", ";;", '"', "\n", "a", "é", "."])
def test_a_delimiter_that_is_none(tmp_path, wrong):
    with pytest.raises(ConfigError, match="separates no values"):
        build_config(Path("a.csv"), "tabular", {"label": "y"}, reading={"delimiter": wrong})
    made = build_config(Path("a.csv"), "tabular", {"label": "y"}, reading={"delimiter": "tab"})
    assert made.reading.delimiter == "\t"


def test_labels_come_back_as_a_spreadsheet_wrote_them(tmp_path):
    (tmp_path / "back.csv").write_bytes(
        '\ufeffid;text;reason;label\r\n"1";"a; ""b""";;x\r\n2;c, d;;y\r\n'.encode()
    )
    assert read_answers(tmp_path / "back.csv") == [("1", "x"), ("2", "y")]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_labels_are_written_with_the_delimiter_that_was_read(tmp_path, name):
    before = '\ufeffid;text;label\r\n"1";"a;\n""b""";\r2;"c, d";""\n\r\n3;e;x\n4;f;'.encode()
    pack = gzip.compress if name.endswith(".gz") else bytes
    (tmp_path / name).write_bytes(pack(before))
    put_back(tmp_path, "label", {name: {1: "x; y", 2: 'say "so"', 4: "z"}})
    after = (tmp_path / name).read_bytes()
    after = gzip.decompress(after) if name.endswith(".gz") else after
    assert after.decode() == (
        '\ufeffid;text;label\r\n"1";"a;\n""b""";"x; y"\r2;"c, d";"say ""so"""\n\r\n3;e;x\n4;f;z'
    )


def test_labels_are_not_written_into_a_broken_file(tmp_path):
    (tmp_path / "a.csv").write_text('id,text,label\n1,"a"b,\n2,x,pos\n')
    with pytest.raises(DataError, match=r"a.csv, line 2, column 6: .* goes on with 'b'"):
        put_back(tmp_path, "label", {"a.csv": {1: "neg"}})


def workbook() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("[Content_Types].xml", "<Types/>")
        file.writestr("xl/workbook.xml", "<workbook/>")
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", workbook(), "a.csv is an Excel workbook, not what its name says. Save the sheet"),
        ("a.jsonl", workbook(), "a.jsonl is an Excel workbook"),
        ("a.csv.gz", gzip.compress(workbook()), "a.csv.gz is an Excel workbook"),
        ("a.csv.gz", workbook(), "a.csv.gz is an Excel workbook"),
        ("a.parquet", workbook(), "a.parquet is an Excel workbook"),
        ("a.arrow", workbook(), "a.arrow is an Excel workbook"),
        ("a.parquet", b"ARROW1\0\0" + bytes(64), "a.parquet is an Arrow file"),
        ("a.csv", b"\xef\xbb\xbfsep=;\r\nt;y\r\n", "begins with the line 'sep=;'"),
        ("a.tsv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(64), "a.tsv is an Excel workbook"),
        ("a.xlsx", workbook(), "a.xlsx is an Excel workbook (or one of its kin). Save the sheet"),
        ("a.csv", b"PK\x03\x04" + bytes(60), "a.csv is a zip archive"),
        ("a.csv", gzip.compress(b"t,y\nx,1\n"), "a.csv is compressed with gzip"),
        ("a.csv", b"PAR1" + bytes(64), "a.csv is a Parquet file"),
        ("a.csv", b"%PDF-1.7\n", "a.csv is a PDF document"),
        ("a.csv", "t,y\nx,1\n".encode("utf-16-le"), "a.csv is text in UTF-16"),
        ("a.jsonl", b"\n<!DOCTYPE html>\n<html>", "a.jsonl is a web page"),
    ],
    # not their bytes: archives hold the time, and processes must agree on the names of tests
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_of_another_kind_is_called_by_its_name(tmp_path, name, content, expected):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_file(tmp_path / name, ["t", "y"])
    assert expected in str(caught.value)


def test_the_lines_of_an_old_mac(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b'{"t": "x", "label": null}\r{"t": "y", "label": "b"}\r')
    assert read_file(tmp_path / "a.jsonl", ["t"])["t"].to_pylist() == ["x", "y"]
    put_back(tmp_path, "label", {"a.jsonl": {1: "a"}})
    after = (tmp_path / "a.jsonl").read_bytes()
    assert after == b'{"t": "x", "label": "a"}\r{"t": "y", "label": "b"}\r'
    (tmp_path / "a.conll").write_bytes(b"Ann B-PER\rcame O\r\rBen B-PER\r")
    assert [s.text for s in read_conll(tmp_path / "a.conll").sentences] == ["Ann came", "Ben"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"t": "x", "t": "y"}', "line 1: is not JSON: the key 't' is there twice in one object"),
        ('{"t": ' + "9" * 5000 + "}", "line 1: is not JSON: Exceeds the limit"),
    ],
)
def test_json_that_loses_something(tmp_path, line, expected):
    (tmp_path / "a.jsonl").write_text(line)
    with pytest.raises(DataError, match=expected):
        read_file(tmp_path / "a.jsonl", ["t"])


def frame() -> pd.DataFrame:
    made = pd.DataFrame({"x": np.arange(90) % 7 + 0.5, "y": ["a"] * 45 + ["b"] * 45})
    return made[made.x > 2]


@pytest.mark.parametrize("name", ["a.parquet", "named.parquet", "a.csv", "twice.csv"])
def test_a_saved_index_is_no_feature(tmp_path, name):
    saved, path = frame(), tmp_path / name
    index = {"a.parquet": "__index_level_0__", "named.parquet": "city", "a.csv": ""}.get(name)
    if name == "named.parquet":
        saved.index = pd.Index([*range(1, len(saved)), 99], name="city")
    if name.endswith(".parquet"):
        saved.to_parquet(path)
    else:
        saved.to_csv(path)
    if name == "twice.csv":
        pd.read_csv(path).to_csv(path, index=False)
        index = "Unnamed: 0"
    prepared = check_file(path, build_config(path, "tabular", {"label": "y"}))
    assert {tuple(json.loads(text)) for text in prepared.instances["text"].to_pylist()} == {("x",)}
    assert [w for w in prepared.warnings if w.startswith("saved_index")] == [
        f"saved_index: {path} holds {index!r}, a saved index and no column of the table, which is "
        "left out. If it is to be learnt from, name it with the other columns under features."
    ]
    if index:
        named = build_config(path, "tabular", {"label": "y", "features": ["x", index]})
        kept = check_file(path, named)
        assert set(json.loads(kept.instances["text"][0].as_py())) == {"x", index}
        assert not [w for w in kept.warnings if w.startswith("saved_index")]


@pytest.mark.parametrize(
    ("rows", "options", "expected"),
    [
        ([f"text {i % 20},{'ab'[i % 2]},{i % 20}" for i in range(60)], {"id_column": "n"},
         r"40 of 60 rows are set aside \(duplicate_id 40\), for example: The id"),
        ([f"text {i},class {i},{i}" for i in range(60)], {}, "60 rows have 60 classes, as if"),
        ([f"text {i},{'ab'[i % 2]},train" for i in range(60)], {"split_column": "n"},
         r"No row is for validation and none for test \(train 60\)"),
    ],
)  # fmt: skip
def test_extremes_are_refused_unless_forced(tmp_path, rows, options, expected):
    (tmp_path / "a.csv").write_text("\n".join(["t,y,n", *rows]))
    columns = {"text_column": "t", "label_column": "y", **options}
    with pytest.raises(DataError, match=expected) as caught:
        add_dataset(tmp_path / "a.csv", tmp_path / "d", **columns)
    assert str(caught.value).endswith("give --force to take it as it is.")
    assert not (tmp_path / "d").exists()
    made = add_dataset(tmp_path / "a.csv", tmp_path / "d", **columns, force=True)
    assert made.instances + sum(made.rejected.values()) == 60


@pytest.mark.parametrize("word", ["n/a", "-", "NULL"])
def test_words_for_what_is_missing_do_not_hide_decimal_commas(tmp_path, word):
    lines = [f"{i},5;{'ab'[i % 2]}" for i in range(60)] + [f"{word};a"]
    (tmp_path / "a.csv").write_text("\n".join(["x;y", *lines]))
    root = tmp_path / "datasets"
    added = add_dataset(tmp_path / "a.csv", root, task="tabular", label_column="y")
    config = load_config(added.folder)
    assert config.reading.decimal == ","
    texts = read_raw(added.folder, config)["text"].to_pylist()
    assert texts[:2] == ['{"x":0.5}', '{"x":1.5}']
    assert texts[-1] == json.dumps({"x": word}, separators=(",", ":"))


@pytest.mark.parametrize(
    ("cells", "example"),
    [
        ([f"{i},5" if i % 2 else f"{i}.5" for i in range(60)], "'1,5'"),
        ([f'"{i + 1},234"' for i in range(60)], "'1,234'"),
        ([f'"{i + 1},234.5"' if i % 2 else f'"{i},25"' for i in range(60)], "'0,25'"),
    ],
)
def test_numbers_that_are_read_as_words_are_told(tmp_path, cells, example):
    delimiter = "," if '"' in cells[0] else ";"
    lines = [f"{cell}{delimiter}{'ab'[i % 2]}" for i, cell in enumerate(cells)]
    (tmp_path / "a.csv").write_text("\n".join([f"x{delimiter}y", *lines]))
    options = {"task": "tabular", "label_column": "y"}
    added = add_dataset(tmp_path / "a.csv", tmp_path / "d", **options)
    assert [w for w in added.warnings if w.startswith("numbers_with_commas") and example in w]
    said = add_dataset(tmp_path / "a.csv", tmp_path / "e", reading={"decimal": "."}, **options)
    assert not [w for w in said.warnings if w.startswith("numbers_with_commas")]


def test_texts_with_commas_are_no_numbers(tmp_path):
    lines = [f'"{word}, {i}",{"ab"[i % 2]}' for i, word in enumerate(["Berlin", "Oslo"] * 30)]
    (tmp_path / "a.csv").write_text("\n".join(["x,y", *lines]))
    added = add_dataset(tmp_path / "a.csv", tmp_path / "d", task="tabular", label_column="y")
    assert not [w for w in added.warnings if "commas" in w]


@pytest.mark.parametrize("nested", ["[1]", '{"a": 1}'])
@pytest.mark.parametrize("column", ["x", "y", "id"])
def test_a_list_beside_plain_values_is_none(tmp_path, nested, column):
    """A column of lists alone is refused by its type."""
    rows = [{"x": str(i), "y": "ab"[i % 2], "id": str(i)} for i in range(40)]
    lines = [json.dumps(row) for row in rows]
    lines[6] = json.dumps({**rows[6], column: json.loads(nested)})
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    for task in ("tabular", "text"):
        columns = {"label": "y", "id": "id", **({"text": "x"} if task == "text" else {})}
        config = build_config(tmp_path / "a.jsonl", task, columns)
        with pytest.raises(DataError, match=f"row 7 holds a list or an object in .*'{column}'"):
            check_file(tmp_path / "a.jsonl", config)


def test_rows_that_are_all_set_aside_say_why(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\none,\ntwo,\n")
    config = build_config(tmp_path / "a.csv", "text", {"text": "x", "label": "y"})
    with pytest.raises(DataError, match=r"missing_label 2.*a\.csv, row 1: The column 'y' is empty"):
        check_file(tmp_path / "a.csv", config)


@pytest.mark.parametrize("task", ["text", "tokens"])
def test_a_file_name_that_is_no_text(tmp_path, task):
    path = tmp_path / "\udcff.tsv"
    try:
        path.write_text("x\ty\n")
    except OSError:
        pytest.skip("this file system takes no such name")
    columns = {} if task == "tokens" else {"text_column": "x", "label_column": "y"}
    with pytest.raises(DataError, match=r"are not UTF-8\. Rename the file"):
        add_dataset(path, tmp_path / "d", name="a", task=task, **columns)
    with pytest.raises(DataError, match="Rename the file"):
        read_file(path)
