"""Texts that a spreadsheet would run: written as texts, and read back as they were."""

import csv
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from sluice.cli import app
from sluice.cli.writers.rows_out import write_table
from sluice.data.labels.labels_file import read_answers
from sluice.data.values.formulas import escape, escape_table, unescape

STARTS = "=+-@\t\r\n＝＋－＠'"
TEXTS = st.text(st.sampled_from([*STARTS, "a", '"', ",", " ", "\0", "é"]), max_size=6)


@given(TEXTS)
@settings(max_examples=200)
def test_what_is_escaped_comes_back_and_is_no_formula(text: str) -> None:
    cell = escape(text)
    assert unescape(cell) == text
    assert cell[:1] not in set(STARTS) - {"'"}


@given(st.lists(TEXTS, min_size=1, max_size=5))
@settings(max_examples=50, deadline=None)
def test_every_kind_of_text_column_is_escaped(texts: list[str]) -> None:
    given = [*texts, None]
    for kind in (pa.string(), pa.large_string(), pa.string_view(), pa.binary()):
        values = [v if v is None or kind != pa.binary() else v.encode() for v in given]
        table = escape_table(pa.table({"=name": pa.array(values, kind)}))
        assert table.column_names == ["'=name"]
        found = [v.decode() if isinstance(v, bytes) else v for v in table[0].to_pylist()]
        assert found == [None if t is None else escape(t) for t in given]
    coded = escape_table(pa.table({"a": pa.array(given, pa.string()).dictionary_encode()}))
    assert coded["a"].to_pylist() == [None if t is None else escape(t) for t in given]


def test_numbers_stay_numbers(tmp_path: Path) -> None:
    table = pa.table({"gain": [-1.5, 2.0], "n": [-3, 4], "text": ["-1.5", "=HYPERLINK(A1)"]})
    write_table(tmp_path / "x.csv", table)
    with (tmp_path / "x.csv").open(newline="") as file:
        assert list(csv.reader(file))[1:] == [
            ["-1.5", "-3", "'-1.5"],
            ["2", "4", "'=HYPERLINK(A1)"],
        ]
    write_table(tmp_path / "raw.csv", table, raw=True)
    with (tmp_path / "raw.csv").open(newline="") as file:
        assert [line[2] for line in csv.reader(file)] == ["text", "-1.5", "=HYPERLINK(A1)"]
    for name in ("x.parquet", "x.jsonl"):
        write_table(tmp_path / name, table)
        assert b"'" not in (tmp_path / name).read_bytes()
    assert pq.read_table(tmp_path / "x.parquet").equals(table)


def test_select_leaves_the_numbers_of_a_csv_file(tmp_path: Path) -> None:
    lines = [
        "x,y,note,label",
        *(f"{-i}.5,{-i or '-'},{'=1' if i else '-2'},-{i % 2}" for i in range(20)),
    ]
    (tmp_path / "pool.csv").write_text("\n".join(lines))
    done = CliRunner().invoke(
        app,
        ["select", str(tmp_path / "pool.csv"), "--task", "tabular", "--label-column", "label",
         "--method", "random_stratified", "--budget", "20", "--out", str(tmp_path / "kept.csv")],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    with (tmp_path / "kept.csv").open(newline="") as file:
        kept = {tuple(line[:4]) for line in csv.reader(file)}
    wanted = [line.split(",") for line in lines]
    # One formula in a column, and all of it is made text.
    assert kept == {(x, y, note if note == "note" else f"'{note}", z) for x, y, note, z in wanted}


def test_ids_and_labels_come_back(tmp_path: Path) -> None:
    ids = ["=a", "'=a", "''=a", "-1", "@x", "'tis", '+"q"', "plain", "a,b", "＝b"]
    labels = [*ids[1:], "=1+1"]
    table = pa.table({"id": ids, "text": ids, "label": labels})
    wanted = list(zip(ids, labels, strict=True))
    write_table(tmp_path / "x.csv", table)
    assert read_answers(tmp_path / "x.csv") == wanted
    write_table(tmp_path / "raw.csv", table, raw=True)
    assert read_answers(tmp_path / "raw.csv", raw=True) == wanted
    write_table(tmp_path / "x.jsonl", table)
    assert read_answers(tmp_path / "x.jsonl") == wanted
    # What a person typed without any mark stays as it is.
    (tmp_path / "typed.csv").write_text("id,label\n'=a,'tis\n'-1,-1\n")
    assert read_answers(tmp_path / "typed.csv") == [("=a", "'tis"), ("-1", "-1")]


@pytest.mark.parametrize("raw", [False, True])
def test_select_writes_no_formula_unless_asked(tmp_path: Path, raw: bool) -> None:
    pool = pa.table({
        "=f": [f"=cmd|' /C calc'!A{i}" for i in range(30)],
        "x": [float(i % 7) for i in range(30)],
        "label": ["-1", "1"] * 15,
    })  # fmt: skip
    pq.write_table(pool, tmp_path / "pool.parquet")
    out = tmp_path / "kept.csv"
    done = CliRunner().invoke(
        app,
        ["select", str(tmp_path / "pool.parquet"), "--task", "tabular", "--label-column", "label",
         "--feature-column", "x", "--method", "random_stratified", "--budget", "5",
         "--out", str(out), *(["--raw"] if raw else [])],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    with out.open(newline="") as file:
        lines = list(csv.reader(file))
    dangerous = [cell for line in lines for cell in line if cell[:1] in ("=", "@", "+")]
    assert bool(dangerous) is raw
    assert lines[0][0] == ("=f" if raw else "'=f")
