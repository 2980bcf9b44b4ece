from __future__ import annotations

import json
import math
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from sluice.core.errors import DataError, UnknownNameError
from sluice.data.config.sections import Encoding
from sluice.encoders.tabular import TabularEncoder
from sluice.encoders.tabular_categories import bucket

ONE_HOT = Encoding()


def texts(rows: list[dict[str, Any]]) -> list[str]:
    """Write rows as row_texts does."""
    names = sorted(rows[0])
    return [json.dumps({n: row[n] for n in names}, separators=(",", ":")) for row in rows]


def column(values: list[Any], config: Encoding = ONE_HOT, **types: str) -> TabularEncoder:
    return TabularEncoder.fit(texts([{"a": value} for value in values]), config, types)


def encoded(encoder: TabularEncoder, values: list[Any]) -> dict[str, list[float]]:
    made = encoder.encode(texts([{"a": value} for value in values]))
    return dict(zip(encoder.feature_names, made.T.tolist(), strict=True))


def mixed(n: int, seed: int) -> list[dict[str, Any]]:
    draw = np.random.default_rng(seed)
    return [
        {
            "age": None if draw.random() < 0.2 else float(draw.normal(40, 12)),
            "count": int(draw.poisson(3)),
            "colour": [None, "red", "blue", "green"][draw.integers(4)],
            "member": bool(draw.random() < 0.3),
            "when": f"20{draw.integers(10, 24)}-{draw.integers(1, 13):02}-2{draw.integers(9)}",
        }
        for _ in range(n)
    ]


def test_numbers_and_categories_are_those_of_scikit_learn():
    rows, others = mixed(200, 0), [*mixed(50, 1), {**mixed(1, 2)[0], "colour": "unseen"}]
    encoder = TabularEncoder.fit(texts(rows), ONE_HOT)
    numbers = [[r["age"], r["count"], float(r["member"])] for r in rows]
    colours = [[r["colour"] or "(none)"] for r in rows]
    names = ["age", "count", "member", "age (missing)"]
    oracle = make_pipeline(
        ColumnTransformer(
            [
                ("fill", SimpleImputer(strategy="median"), [0, 1, 2]),
                ("missing", MissingIndicator(), [0]),
                ("one_hot", OneHotEncoder(sparse_output=False, handle_unknown="ignore"), [3]),
            ]
        ),
        StandardScaler(),
    )
    data = np.array([[*n, *c] for n, c in zip(numbers, colours, strict=True)], dtype=object)
    data[:, :3] = data[:, :3].astype(float)
    oracle.fit(data)
    names += ["colour (missing)", "colour=blue", "colour=green", "colour=red"]
    places = [encoder.feature_names.index(name) for name in names]
    for part in (rows, others):
        given_ = np.array(
            [[r["age"], r["count"], float(r["member"]), r["colour"] or "(none)"] for r in part],
            dtype=object,
        )
        given_[:, :3] = given_[:, :3].astype(float)
        made = encoder.encode(texts(part))
        assert made.dtype == np.float32
        np.testing.assert_allclose(made[:, places], oracle.transform(given_), rtol=1e-5, atol=1e-6)


def test_every_feature_has_mean_0_and_deviation_1():
    rows = texts(mixed(300, 3))
    encoder = TabularEncoder.fit(rows, ONE_HOT)
    made = encoder.encode(rows).astype(np.float64)
    assert made.shape == (300, encoder.dim) == (300, len(encoder.feature_names))
    np.testing.assert_allclose(made.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(made.std(axis=0), 1, atol=1e-6)
    assert [name for name in encoder.feature_names if name.startswith("when")] == [
        "when:days", "when:year", "when:month", "when:weekday",
    ]  # fmt: skip


def test_dates():
    instants = ["2024-02-29", "1969-12-31T23:30:00", "2000-01-01T01:59:59.500000Z", "2024-03-04"]
    encoder = column(instants)
    made = encoded(encoder, instants)
    parsed = [datetime.fromisoformat(x.removesuffix("Z")) for x in instants]
    oracle = {
        "a:days": [(x - datetime(1970, 1, 1)).total_seconds() / 86400 for x in parsed],
        "a:year": [x.year for x in parsed],
        "a:month": [x.month for x in parsed],
        "a:weekday": [x.weekday() for x in parsed],
        "a:hour": [x.hour for x in parsed],
    }
    assert list(made) == list(oracle)
    for name, values in oracle.items():
        scaled = StandardScaler().fit_transform(np.array(values, dtype=float)[:, None])[:, 0]
        np.testing.assert_allclose(made[name], scaled, rtol=1e-5, atol=1e-6)


def test_ordinal_codes_go_numbers_first_and_unseen_is_the_mean():
    values = ["b", 10, 9, "a", None, "b", 9]
    encoder = column(values, Encoding(categorical="ordinal"))
    assert encoder.feature_names == ["a"]
    order: list[Any] = ["9", "10", "a", "b", "none"]
    shown = [["none" if v is None else str(v)] for v in values]
    codes = OrdinalEncoder(categories=[order]).fit_transform(np.array(shown))
    scaled = StandardScaler().fit_transform(codes)[:, 0]
    np.testing.assert_allclose(encoded(encoder, values)["a"], scaled, rtol=1e-5, atol=1e-6)
    assert encoded(encoder, ["unseen", 9.5])["a"] == [0.0, 0.0]
    whole = column(["a", "b", "c"], Encoding(categorical="ordinal"))
    assert encoded(whole, [None])["a"] == [0.0]


def test_many_categories_are_hashed():
    config = Encoding(hash_above=5, hash_buckets=4)
    values = [f"town {i % 9}" for i in range(60)] + [None]
    encoder = column(values, config)
    buckets = [None if v is None else bucket("a", v, 4) for v in values]
    used = sorted({b for b in buckets if b is not None})
    assert encoder.feature_names == [*(f"a#{b}" for b in used), "a (missing)"]
    made = encoded(encoder, values)
    for b in used:
        hot = np.array([each == b for each in buckets], dtype=float)[:, None]
        scaled = StandardScaler().fit_transform(hot)[:, 0]
        np.testing.assert_allclose(made[f"a#{b}"], scaled, rtol=1e-5, atol=1e-6)
    # A category that was never seen has a bucket as well.
    unseen = encoded(encoder, ["town 99"])
    high = {name for name, (value,) in unseen.items() if value > 0}
    assert high <= {f"a#{bucket('a', 'town 99', 4)}"}
    assert column(values[:5], config).feature_names[0] == "a=town 0"


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2.5, None], "numeric"),
        ([1, 2, "NA", "?", "n/a"], "numeric"),
        ([0, 1], "numeric"),
        ([True, False, None], "boolean"),
        ([True, "-", False], "boolean"),
        (["2024-01-01", "2024-01-02T10:00:00", "null"], "date"),
        ([1, "x"], "categorical"),
        ([1, True], "categorical"),
        (["2024-01-01", 3], "categorical"),
        (["2024-01-01", "2024-13-01"], "categorical"),
        (["a", "NA"], "categorical"),
        (["007", 7], "categorical"),
    ],
)
def test_the_type_that_values_show(values, kind):
    assert column(values).columns[0].kind == kind


def test_a_type_that_is_given():
    assert column([1, 2], a="categorical").feature_names == ["a=1", "a=2"]
    assert column([1.0, 2.5, True], a="categorical").feature_names == ["a=1", "a=2.5", "a=true"]
    made = encoded(column(["007", 9, True, "x"], a="numeric"), ["8", "y"])
    # Median of 1, 7 and 9 stands for what is no number.
    filled = np.array([7.0, 9.0, 1.0, 7.0])
    np.testing.assert_allclose(made["a"], (np.array([8, 7]) - filled.mean()) / filled.std(), 1e-6)
    assert made["a (missing)"] == pytest.approx([-(3**-0.5), 3**0.5], rel=1e-6)
    assert encoded(column(["Yes", "n", 1, "maybe"], a="boolean"), ["T"])["a"][0] > 0
    assert column(["2024-01-01", "x", "2025-01-01"], a="date").columns[0].missing == 1 / 3
    with pytest.raises(
        DataError, match="None of the values of the column 'a' is numeric, as types"
    ):
        column(["x", "y"], a="numeric")
    with pytest.raises(UnknownNameError, match=r"Unknown column 'aa'. Did you mean a\?"):
        column([1, 2], aa="numeric")


def test_what_says_nothing_is_left_out():
    rows = [{"same": "x", "none": None, "only": 3, "gone": "NA", "a": i} for i in range(4)]
    encoder = TabularEncoder.fit(texts(rows), ONE_HOT)
    assert encoder.feature_names == ["a"]
    assert {row["column"]: row["features"] for row in encoder.describe()} == {
        "a": 1, "gone": 0, "none": 0, "only": 0, "same": 0,
    }  # fmt: skip
    with pytest.raises(DataError, match="No column of the 2 rows to learn from varies"):
        column(["x", "x"])


def test_all_categorical_and_more_features_than_rows():
    rows = [{"a": f"a{i}", "b": f"b{i % 2}", "c": f"c{i * 7 % 5}"} for i in range(5)]
    encoder = TabularEncoder.fit(texts(rows), ONE_HOT)
    made = encoder.encode(texts(rows))
    assert made.shape == (5, 12)
    assert len(np.unique(made, axis=0)) == 5


EXTREME = [1.7e308, -1.7e308, 1e-320, 0.0, 5e-324, 1e300, 3.0]


def test_no_finite_number_overflows():
    for values in (EXTREME, [5e-324, 0.0], [1e15, 1e15 + 1, 1e15 + 2], [1.7e308, 1.7e308, 1.6e308]):
        if values == [5e-324, 0.0]:
            with pytest.raises(DataError, match="varies"):
                column(values)
            continue
        encoder = column(values)
        made = np.array(encoded(encoder, values)["a"])
        assert made.mean() == pytest.approx(0, abs=1e-6)
        assert made.std() == pytest.approx(1, rel=1e-6)
        assert np.isfinite(encoder.encode(texts([{"a": x} for x in EXTREME]))).all()
    assert encoded(column([0.0, 1.0]), [1e300])["a"] == [1e6]


CELL = (
    st.none()
    | st.booleans()
    | st.integers(-(2**50), 2**50)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["x", "y", "NA", "2024-01-31", "true story", "é"])
)
COLUMN = st.sampled_from(["numbers", "words", "any"])


@st.composite
def tables(draw: st.DrawFn) -> list[str]:
    pick = {
        "numbers": st.none() | st.floats(-1e6, 1e6),
        "words": st.sampled_from(["x", "y", "z", None]),
        "any": CELL,
    }
    kinds = draw(st.lists(COLUMN, min_size=1, max_size=3))
    rows = draw(st.lists(st.tuples(*(pick[kind] for kind in kinds)), min_size=2, max_size=12))
    return texts([{f"c{at}": value for at, value in enumerate(row)} for row in rows])


CONFIGS = st.builds(
    Encoding,
    categorical=st.sampled_from(["one_hot", "ordinal"]),
    hash_above=st.integers(1, 4),
    hash_buckets=st.integers(2, 4),
)


@given(tables(), CONFIGS, st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_no_order_no_batch_and_no_storage_changes_a_bit(rows, config, random):
    try:
        encoder = TabularEncoder.fit(rows, config)
    except DataError as error:
        assert "varies" in str(error)  # noqa: PT017
        return
    shuffled = random.sample(rows, len(rows))
    assert TabularEncoder.fit(shuffled, config) == encoder
    again = TabularEncoder.from_json(encoder.to_json())
    assert (again, again.identity) == (encoder, encoder.identity)
    made = encoder.encode(rows)
    assert np.isfinite(made).all()
    single = np.concatenate([again.encode([row]) for row in rows])
    assert made.tobytes() == single.tobytes()
    equal = [rows.index(row) for row in rows]
    assert made[equal].tobytes() == made.tobytes()
    assert max(encoder.drift(shuffled).values()) < 1e-12


def test_chunks_meet(monkeypatch):
    rows = texts(mixed(100, 5))
    encoder, made = (e := TabularEncoder.fit(rows, ONE_HOT)), e.encode(rows)
    monkeypatch.setattr("sluice.encoders.tabular_cells.CHUNK", 7)
    assert TabularEncoder.fit(rows, ONE_HOT) == encoder
    assert encoder.encode(rows).tobytes() == made.tobytes()
    assert encoder.encode([]).shape == (0, encoder.dim)


def test_the_identity_is_that_of_what_was_learnt():
    one = column([1, 2, 3])
    assert one.identity == column([3, 1, 2]).identity
    others = [column([1, 2, 4]), column([1, 2, 3], a="categorical"),
              column([1, 2, 3, None])]  # fmt: skip
    assert len({one.identity, *(other.identity for other in others)}) == 4
    assert len(one.identity) == 20


def test_what_cannot_be_read():
    encoder = TabularEncoder.fit(['{"a":1,"b":2}', '{"a":2,"b":2}'], ONE_HOT)
    for rows, says in [
        (['{"a":1}'], "Row 0 lacks 'b'; the others have 'a', 'b'. Give every row the same"),
        (['{"a":1,"b":2}', '{"a":1,"b":2,"c":3}'], "Row 1 also has 'c'"),
        (['{"b":1,"a":2}'], "Row 0 is no single row"),
        (["no json"], "hold texts that are no JSON objects"),
        (["3"], "hold texts that are no JSON objects"),
        (['{"a":1,"b":2},{"a":1,"b":2}'], "is no single row"),
    ]:
        with pytest.raises(DataError) as caught:
            encoder.encode(rows)
        assert says in str(caught.value)
    with pytest.raises(DataError, match="There is no row to learn the columns from"):
        TabularEncoder.fit([], ONE_HOT)
    with pytest.raises(DataError, match="written by version 'columns-0', and this is 'columns-1'"):
        TabularEncoder.from_json(encoder.to_json().replace("columns-1", "columns-0"))


def test_people_can_read_what_was_learnt():
    rows = [{"n": i / 2, "c": "xxy"[i % 3], "t": i > 4, "d": f"2024-01-{i + 1:02}",
             "h": f"h{i}"} for i in range(9)]  # fmt: skip
    shown = TabularEncoder.fit(texts(rows), Encoding(hash_above=5)).describe()
    assert {row["column"]: row["values"] for row in shown} == {
        "n": "0 to 4, median 2",
        "c": "2 categories: x 67%, y 33%",
        "t": "0 to 1, median 0",
        "d": "2024-01-01 to 2024-01-09",
        "h": "hashed into 64 buckets",
    }
    assert shown[0] == {"column": "c", "type": "categorical", "features": 2, "missing": "0.0%",
                        "values": "2 categories: x 67%, y 33%"}  # fmt: skip
    assert math.isfinite(sum(row["features"] for row in shown))


def test_whole_numbers_that_no_float64_is_are_categories_of_their_own():
    rows = [f'{{"a":{value}}}' for value in (2**53, 2**53 + 1, 2**53 + 2, 2**53 + 1)]
    coded = TabularEncoder.fit(rows, Encoding(), {"a": "categorical"}).encode(rows)
    assert len({row.tobytes() for row in coded}) == 3
    assert coded[1].tolist() == coded[3].tolist()
    assert TabularEncoder.fit(rows, Encoding()).columns[0].kind == "numeric"
