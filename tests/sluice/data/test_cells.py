from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.core.errors import DataError
from sluice.data.values.cells import json_cells

PARIS = timezone(timedelta(hours=1))


def cells(values: list[object], kind: pa.DataType | None = None) -> list[str | None]:
    return json_cells(pa.array(values, kind), "a.csv: the column 'x'").to_pylist()


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("1", "1"), ("1.0", "1"), (" +1 ", "1"), ("-0", "0"), ("0.0", "0"), ("-2.50", "-2.5"),
        (".5", "0.5"), ("5.", "5"), ("1e3", "1000"), ("1E-7", "1e-7"), ("1e16", "1e+16"),
        ("007", '"007"'), ("00.5", '"00.5"'), ("1_000", '"1_000"'), ("0x1", '"0x1"'),
        ("1,5", '"1,5"'), ("1e999", '"inf"'), ("-Infinity", '"-inf"'), ("INF", '"inf"'),
        ("NaN", None), ("", None), (" \t", None), ("NA", '"NA"'), ("?", '"?"'),
        ("True", "true"), ("FALSE", "false"), ("yes", '"yes"'), (' a"b ', '"a\\"b"'),
        ("e\u0301", '"é"'), ("2024-01-31", '"2024-01-31"'), ("2024-01-31 00:00", '"2024-01-31"'),
        ("2024-01-31 12:30", '"2024-01-31T12:30:00"'), ("2024-13-01", '"2024-13-01"'),
        ("2024-01-31T00:30:00+01:00", '"2024-01-30T23:30:00Z"'),
        ("2024-01-31T12:00:00.000000000", '"2024-01-31T12:00:00"'),
        ("0001-01-01T00:00:00+01:00", '"0001-01-01T00:00:00+01:00"'),
    ],
)  # fmt: skip
def test_texts(text, cell):
    assert cells([text]) == [cell]


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([1, None, -3], pa.int8(), ["1", None, "-3"]),
        ([2**63 - 1], pa.int64(), ["9223372036854775807"]),
        ([1.0, 0.1, math.nan, math.inf, -math.inf, -0.0], pa.float64(),
         ["1", "0.1", None, '"inf"', '"-inf"', "0"]),
        ([0.1, 2.0], pa.float32(), ["0.1", "2"]),
        ([Decimal("1.50"), Decimal("2.00")], None, ["1.5", "2"]),
        ([True, None], None, ["true", None]),
        ([None, None], None, [None, None]),
        ([date(2024, 1, 31)], None, ['"2024-01-31"']),
        ([datetime(2024, 1, 31), datetime(2024, 1, 31, 1)], pa.timestamp("ns"),
         ['"2024-01-31"', '"2024-01-31T01:00:00"']),
        ([datetime(2024, 1, 31, 1, tzinfo=PARIS)], pa.timestamp("us", "Europe/Paris"),
         ['"2024-01-31T00:00:00Z"']),
        ([b"1", b"x"], pa.binary(), ["1", '"x"']),
    ],
)  # fmt: skip
def test_typed_columns(values, kind, expected):
    assert cells(values, kind) == expected


def test_a_dictionary_is_its_values():
    column = pa.array(["1", "x", None, "x"]).dictionary_encode()
    assert json_cells(column, "").to_pylist() == ["1", '"x"', None, '"x"']
    assert json_cells(column.slice(1, 2), "").to_pylist() == ['"x"', None]


def test_what_is_no_value():
    with pytest.raises(DataError, match=r"a.csv: the column 'x' holds list<item: int64>, not one"):
        cells([[1]])
    with pytest.raises(DataError, match=r"that is no text: .* Store it as numbers or UTF-8"):
        cells([b"\xff"])


NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)


@given(st.lists(NUMBERS, min_size=1))
@settings(max_examples=200, deadline=None)
def test_a_number_is_the_same_typed_and_as_any_text(values):
    wide = [float(value) for value in values]
    typed = cells(list(wide), pa.float64())
    assert typed == cells([repr(value) for value in wide])
    assert typed == cells(list(map(str, values)))
    assert [json.loads(str(cell)) for cell in typed] == wide


@given(st.lists(st.text() | st.sampled_from(["1", "true", "2024-01-31 01:00", "nan", "007"])))
@settings(max_examples=200, deadline=None)
def test_a_cell_does_not_depend_on_its_column_and_is_json(texts):
    texts = [text.encode("utf-8", "ignore").decode() for text in texts]
    together = cells(list(texts), pa.string())
    assert together == [cell for text in texts for cell in cells([text], pa.string())]
    for cell in together:
        assert cell is None or not isinstance(json.loads(cell), dict | list)


@given(st.lists(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1))))
@settings(max_examples=100, deadline=None)
def test_an_instant_is_the_same_typed_and_as_any_text(instants):
    typed = cells(list(instants), pa.timestamp("us"))
    assert typed == cells([each.isoformat(" ") for each in instants], pa.string())
    zoned = [each.replace(tzinfo=UTC) for each in instants]
    assert cells(list(zoned), pa.timestamp("us", "UTC")) == cells(
        [each.astimezone(PARIS).isoformat() for each in zoned], pa.string()
    )
