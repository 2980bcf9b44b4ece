"""One value has one spelling, and two values never share one: over types, widths and files."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluice.core.errors import DataError
from sluice.data.config import DatasetConfig
from sluice.data.ingest.raw import read_raw
from sluice.data.values.cells import json_cells
from sluice.data.values.spelling import digits
from sluice.data.values.stringify import column_text, value_text
from sluice.data.values.targets import label_texts

BIG = 2**53
NS = 1_706_700_600_000_000_000  # 2024-01-31T11:30:00
PARIS = timezone(timedelta(hours=1))


def cell(value: object, kind: pa.DataType | None = None) -> str | None:
    return json_cells(pa.array([value], kind), "x")[0].as_py()


def text(value: object, kind: pa.DataType | None = None) -> str | None:
    return column_text(pa.chunked_array([pa.array([value], kind)]), "x")[0].as_py()


@pytest.mark.parametrize(
    ("alike", "as_cell", "as_text"),
    [
        ([(BIG + 1, pa.int64()), (BIG + 1, pa.uint64()), (Decimal(BIG + 1), pa.decimal128(38, 9)),
          (str(BIG + 1), pa.string())], "9007199254740993", "9007199254740993"),
        ([(2**63, pa.uint64()), (2.0**63, pa.float64()), (2.0**63, pa.float32()),
          (Decimal(2**63), None)], "9.223372036854776e+18", "9223372036854775808"),
        ([(2**63 - 1, pa.int64()), (Decimal(2**63 - 1), None)], "9223372036854775807",
         "9223372036854775807"),
        ([(10**22, pa.decimal128(38, 0)), (1e22, pa.float64())], "1e+22", str(10**22)),
        ([(123456792, pa.int32()), (123456792.0, pa.float32())], "123456792", "123456792"),
        ([(0.1, pa.float64()), (np.float32(0.1), pa.float32()), (np.float16(0.1), pa.float16()),
          (Decimal("0.100"), None)], "0.1", "0.1"),
        ([(-0.0, pa.float64()), (-0.0, pa.float32()), (0, pa.int8()), (Decimal("-0.00"), None)],
         "0", "0"),
        ([(Decimal("1.50"), None), (1.5, None), (Decimal("1.5"), pa.decimal256(70, 40))],
         "1.5", "1.5"),
        ([(Decimal("1.1"), pa.decimal128(38, 30)), (1.1, None)], "1.1", "1.1"),
        ([(Decimal("0." + "1" * 33), None), (Decimal("0." + "1" * 33 + "000"), None)],
         "0." + "1" * 33, "0." + "1" * 33),
        ([(NS, pa.timestamp("ns")), (NS // 1000, pa.timestamp("us")),
          (NS // 10**9, pa.timestamp("s"))], '"2024-01-31T11:30:00"', "2024-01-31T11:30:00"),
        ([(NS + 1, pa.timestamp("ns"))], '"2024-01-31T11:30:00.000000001"',
         "2024-01-31T11:30:00.000000001"),
        ([(NS // 1000, pa.timestamp("us", "Europe/Paris")),
          (NS // 10**6, pa.timestamp("ms", "UTC"))],
         '"2024-01-31T11:30:00Z"', "2024-01-31T11:30:00Z"),
        ([(date(2024, 1, 31), pa.date32()), (date(2024, 1, 31), pa.date64()),
          (datetime(2024, 1, 31), pa.timestamp("ms"))], '"2024-01-31"', "2024-01-31"),
        ([(400_000_000_000, pa.timestamp("s")), (400_000_000_000_000, pa.timestamp("ms"))],
         '"14645-06-30T15:06:40"', "14645-06-30T15:06:40"),
        ([(time(1, 2, 3), pa.time32("s")), (time(1, 2, 3), pa.time64("ns"))],
         '"01:02:03"', "01:02:03"),
        ([(1500, pa.duration("ms")), (1_500_000, pa.duration("us")),
          (1_500_000_000, pa.duration("ns"))], "1.5", "1.5"),
        ([(b"x\xc3\xa9", pa.binary()), ("x\u00e9", pa.string_view()),
          ("x\u00e9", pa.large_string()),
          (b"x\xc3\xa9", pa.binary(3)), (b"x\xc3\xa9", pa.binary_view())], '"x\u00e9"', "x\u00e9"),
        ([(True, None)], "true", "true"),
        ([(None, pa.null()), (float("nan"), None), (np.float32("nan"), pa.float32())], None, None),
    ],
)  # fmt: skip
def test_one_value_is_spelt_alike(alike, as_cell, as_text):
    for value, kind in alike:
        assert cell(value, kind) == as_cell, kind
        assert text(value, kind) == as_text, kind
        coded = pa.array([value, value], kind)
        if not pa.types.is_float16(coded.type) and as_cell is not None and "view" not in str(kind):
            again = pa.chunked_array([coded.dictionary_encode()])
            assert column_text(again, "x")[1].as_py() == as_text


def test_whole_numbers_beyond_float64_stay_apart_in_one_column():
    values = [0, BIG, BIG + 1, BIG + 2, 2**60, 2**63 - 1, -(2**63), None]
    found = json_cells(pa.array(values, pa.int64()), "x").to_pylist()
    assert len(set(found)) == len(values)
    assert (
        found == json_cells(pa.array([v if v is None else str(v) for v in values]), "x").to_pylist()
    )
    assert [json.loads(each) for each in found[:4]] == values[:4]


@pytest.mark.parametrize(
    ("written", "spelt"),
    [
        ("1 days 02:00:00", "93600"), ("1 day, 2:00:00.5", "93600.5"),
        ("-1 days +23:00:00", "-3600"),
        ("01:02:03.500", '"01:02:03.500000"'), ("12:30", '"12:30"'),
        ("0.1234567890123456789", "0.1234567890123456789"),
        ("0.12345678901234567890", "0.1234567890123456789"),
        ("1.152921504606847e+18", "1.152921504606847e+18"),
        ("1152921504606846976.0", "1.152921504606847e+18"),
        ("1152921504606847000", "1152921504606847000"), ("1e-400", "1e-400"),
        ("9" * 301, f'"{"9" * 301}"'),
    ],
)  # fmt: skip
def test_numbers_and_times_that_are_texts(written, spelt):
    assert cell(written) == spelt
    label = label_texts(pa.array([written]), "x")
    assert label_texts(label, "x").equals(label)


def test_values_of_python():
    stamp = pd.Timestamp(NS + 1)
    for value, spelt in [
        (stamp, "2024-01-31T11:30:00.000000001"), (np.datetime64(NS, "ns"), "2024-01-31T11:30:00"),
        (datetime(2024, 1, 31, 12, 30, tzinfo=PARIS), "2024-01-31T11:30:00Z"),
        (timedelta(seconds=90), "90"), (pd.Timedelta(1, "ns"), "1e-09"),
        (np.float32(0.1), "0.1"), (np.uint64(2**64 - 1), str(2**64 - 1)), (np.True_, "true"),
        (Decimal("1e3"), "1000"), (Decimal("NaN"), None), (pd.NA, None), (pd.NaT, None),
        (b"\xc3\xa9", "\u00e9"), ([1, "a"], '[1, "a"]'),
    ]:  # fmt: skip
        assert value_text(value) == spelt
    assert digits(Decimal("1E+3")) == "1000"


def test_what_holds_no_plain_value_is_refused():
    intervals = pa.array(pd.cut(np.arange(4.0), 2))
    for column in (intervals, pa.array(pd.Series(pd.interval_range(0, 3))),
                   pa.array(pd.Series(pd.period_range("2024-01", periods=2, freq="M"))),
                   pa.array([[1]]),
                   pa.array([(1, 2, 3)], pa.month_day_nano_interval())):  # fmt: skip
        with pytest.raises(DataError, match="not one text or number a row"):
            json_cells(column, "x")
        with pytest.raises(DataError, match="not one text or number a row"):
            column_text(pa.chunked_array([column]), "x")


NAIVE = st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1))
WORDS = st.text(st.sampled_from("ab01.-:e+T \u00e9"), min_size=1, max_size=8)
COLUMNS = {
    "int64": (st.integers(-(2**63), 2**63 - 1), pa.int64()),
    "near": (st.integers(BIG - 4, BIG + 4), pa.uint64()),
    "float64": (st.floats(allow_nan=False, allow_infinity=False), pa.float64()),
    "decimal": (st.decimals(-(10**8), 10**8, places=25), pa.decimal128(38, 25)),
    "wide": (st.decimals(-(10**3), 10**3, places=40), pa.decimal256(60, 40)),
    "instant": (NAIVE, pa.timestamp("us")),
    "zoned": (NAIVE.map(lambda each: each.replace(tzinfo=UTC)), pa.timestamp("us", "UTC")),
    "date": (st.dates(), pa.date32()),
    "time": (st.times(), pa.time64("us")),
    "truth": (st.booleans(), pa.bool_()),
    "words": (WORDS, pa.string()),
}


@st.composite
def columns(draw: st.DrawFn) -> tuple[str, pa.Table]:
    name = draw(st.sampled_from(sorted(COLUMNS)))
    values, kind = COLUMNS[name]
    drawn = draw(st.lists(values, min_size=1, max_size=6))
    label = pa.array(["a"] * len(drawn))
    return name, pa.table({"v": pa.array(drawn, kind), "y": label})


def _json(value: object) -> str:
    if isinstance(value, Decimal):
        return str(value)
    return json.dumps(value if isinstance(value, int | float) else str(value))


def _write(folder: Path, name: str, table: pa.Table) -> list[str]:
    """Write a table in every way; return the files."""
    pq.write_table(table, folder / "a.parquet")
    with pa.ipc.new_stream(folder / "a.arrow", table.schema) as stream:
        stream.write_table(table)
    pacsv.write_csv(table, folder / "a.csv")
    table.to_pandas(date_as_object=True).to_csv(folder / "b.csv", index=False)
    rows = list(zip(table["v"].to_pylist(), table["y"].to_pylist(), strict=True))
    with (folder / "c.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([("v", "y"), *rows])
    lines = [f'{{"v": {_json(v)}, "y": "{y}"}}' for v, y in rows]
    (folder / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return ["a.parquet", "a.arrow", "a.csv", "b.csv", "c.csv", "a.jsonl"]


@given(columns())
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_file_spells_a_value_alike_and_two_values_apart(tmp_path, drawn):
    name, table = drawn
    found: dict[str, list[str]] = {}
    for file in _write(tmp_path, name, table):
        config = DatasetConfig.model_validate(
            {"task": "tabular", "files": [file], "columns": {"label": "y"}}
        )
        found[file] = read_raw(tmp_path, config)["text"].to_pylist()
    for file, texts in found.items():
        assert texts == found["a.parquet"], (name, file)
    if name != "words":  # "1" and "1.0" are one number
        values = table["v"].to_pylist()
        assert len(set(found["a.parquet"])) == len(set(values))


@given(st.sampled_from(["int64", "near", "decimal", "wide", "instant", "zoned", "date"]), st.data())
@settings(max_examples=60, deadline=None)
def test_ids_and_labels_of_texts_keep_their_values(name, data):
    values, kind = COLUMNS[name]
    drawn = data.draw(st.lists(values, min_size=1, max_size=6, unique=True))
    found = column_text(pa.chunked_array([pa.array(drawn, kind)]), "x").to_pylist()
    assert found == [value_text(value) for value in drawn]
    assert len(set(found)) == len(drawn)
    assert (
        label_texts(pa.array(found), "x").to_pylist()
        == label_texts(pa.array(drawn, kind), "x").to_pylist()
    )
