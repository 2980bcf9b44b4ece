from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.core.digests import content_hash
from sluice.core.errors import DataError
from sluice.data.config import DatasetConfig, load_config
from sluice.data.ingest.instances import prepare
from sluice.data.ingest.raw import read_raw
from sluice.data.ingest.row_format import format_of
from sluice.data.ingest.validation import screen

DATASETS = Path(__file__).parents[3] / "datasets"
Rows = list[dict[str, object]]


def config(*named: str, **columns: object) -> DatasetConfig:
    every = {"label": "y", **{name: name for name in named}, **columns}
    return DatasetConfig.model_validate({"task": "tabular", "files": ["a.csv"], "columns": every})


def raw(rows: Rows, settings: DatasetConfig) -> pa.Table:
    names = sorted({name for row in rows for name in row})
    table = pa.table(
        {
            name: pa.array([None if r.get(name) is None else str(r[name]) for r in rows])
            for name in names
        }
    )
    return format_of(settings).of_table(table, settings, "a.csv", "a.csv").raw


def filler(count: int = 60) -> Rows:
    """Enough good rows of two classes that every split has both."""
    return [{"a": i / 4, "b": f"c{i % 7}", "y": ["no", "yes"][i % 2]} for i in range(count)]


@pytest.mark.parametrize(
    ("row", "reason", "says"),
    [
        ({"a": 1, "b": "x", "y": None}, "missing_label", "The column 'y' is empty. Fill in"),
        ({"a": 1, "b": "x", "y": "nan"}, "missing_label", "The column 'y' is empty."),
        ({"a": None, "b": " ", "y": "no"}, "empty_row", "Every column of features is empty."),
        ({"a": "-inf", "b": "x", "y": "no"}, "infinite_value", "The column 'a' holds an infinite"),
        ({"a": 1, "b": "Infinity", "y": "no"}, "infinite_value", "The column 'b' holds an infi"),
    ],
)
def test_a_row_that_is_wrong_by_itself(row, reason, says):
    made = prepare(raw([row, *filler()], config()), config())
    (rejected,) = made.rejected.to_pylist()
    assert rejected["reason"] == reason
    assert says in rejected["detail"]
    assert (rejected["file"], rejected["row"]) == ("a.csv", 1)
    assert made.instances.num_rows == 60
    categorical = config(types={"b": "categorical"})
    assert prepare(raw([row, *filler()], categorical), categorical).rejected.num_rows == (
        row["b"] != "Infinity"
    )


def test_missing_values_are_kept():
    made = prepare(raw([{"a": None, "b": "x", "y": "no"}, *filler()], config()), config())
    assert made.rejected.num_rows == 0
    assert '{"a":null,"b":"x"}' in made.instances.column("text").to_pylist()


def test_equal_rows_are_kept_with_ordinals_on_one_side_of_the_split():
    rows: Rows = [{"a": 7, "b": "x", "y": "no"}] * 3 + [{"a": "7.0", "b": "x", "y": "yes"}]
    made = prepare(raw(rows + filler(), config()), config())
    assert made.rejected.num_rows == 0
    equal = [row for row in made.instances.to_pylist() if row["text"] == '{"a":7,"b":"x"}']
    no, yes = (content_hash('{"a":7,"b":"x"}', label)[:16] for label in ("no", "yes"))
    assert [row["instance_id"] for row in equal] == sorted([f"{no}-0", f"{no}-1", f"{no}-2",
                                                            f"{yes}-0"])  # fmt: skip
    assert len({row["split"] for row in equal}) == 1
    assert [warning.partition(":")[0] for warning in made.warnings] == [
        "duplicate_rows", "conflicting_labels",
    ]  # fmt: skip
    assert "3 rows have the same features as an earlier one" in made.warnings[0]
    assert "4 rows have the same features as a row with another label" in made.warnings[1]


def test_ids_of_the_user_must_still_be_unique():
    rows = [row | {"id": f"i{at}"} for at, row in enumerate(filler())]
    made = prepare(raw([*rows, {"a": 0, "b": "z", "y": "no", "id": "i0"}], config("id")),
                   config("id"))  # fmt: skip
    assert made.rejected.column("reason").to_pylist() == ["duplicate_id"]


def test_classes_with_one_or_two_rows():
    rows: Rows = [row | {"split": "train"} for row in filler()]
    rows += [row | {"split": part, "a": i} for part in ("dev", "test")
             for i, row in enumerate(filler(4))]  # fmt: skip
    rows += [{"a": 1, "b": "one", "y": "rare", "split": "train"}]
    rows += [{"a": i, "b": "two", "y": "pair", "split": "train"} for i in range(2)]
    made = prepare(raw(rows, config("split")), config("split"))
    assert Counter(made.instances.column("label").to_pylist())["pair"] == 2
    assert any(w.startswith("single_train_row: 'rare' has one training row") for w in made.warnings)


@pytest.mark.parametrize("labels", [[0.5, 1.5], list(range(60))])
def test_regression_is_refused(labels):
    rows: Rows = [row | {"y": labels[i % len(labels)]} for i, row in enumerate(filler())]
    with pytest.raises(DataError, match=r"The column 'y' holds .* a quantity to predict, and not"):
        prepare(raw(rows, config()), config())


def test_labels_of_any_kind():
    for labels in (["0", "1.0"], [False, "True"], ["a b", "1"]):
        rows: Rows = [row | {"y": labels[i % 2]} for i, row in enumerate(filler())]
        made = prepare(raw(rows, config()), config()).instances
        expected = {str(x).lower().removesuffix(".0") for x in labels}
        assert set(made.column("label").to_pylist()) == expected


def test_no_usable_row():
    with pytest.raises(DataError, match=r"names the right label and feature columns"):
        prepare(raw([{"a": None, "y": "no"}], config()), config())


ROW = st.fixed_dictionaries(
    {
        "a": st.sampled_from(["1", "1.0", "2", "inf", None]),
        "b": st.sampled_from(["x", " x", "X", None]),
        "y": st.sampled_from(["no", "yes", None]),
        "id": st.sampled_from(["1", "2", "3", None]),
        "group": st.sampled_from(["g", "h", None]),
        "split": st.sampled_from(["train", "dev", "?"]),
    }
)
NAMED = st.sets(st.sampled_from(["id", "group", "split"])).map(sorted)


@given(st.lists(ROW, min_size=1, max_size=12), NAMED, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_any_order_gives_the_same_and_every_row_has_a_place(rows, named, random):
    chosen = config(*named, features=["a", "b"])
    table = raw(rows, chosen)
    order = list(range(len(rows)))
    random.shuffle(order)
    one, other = screen(table, chosen), screen(table.take(order), chosen)
    assert one == other
    places = [row.row for row in one.kept] + [r.row.row for r in one.rejected]
    assert sorted(places) == list(range(1, len(rows) + 1))
    assert len({row.instance_id for row in one.kept}) == len(one.kept)
    if not named:
        sides: dict[str, set[str | None]] = {}
        for row in one.kept:
            sides.setdefault(row.text, set()).add(row.split)
        assert all(len(side) == 1 for side in sides.values())


def test_the_shipped_table():
    folder = DATASETS / "nyc_flights"
    chosen = load_config(folder)
    made = prepare(read_raw(folder, chosen), chosen)
    assert made.warnings == []
    assert made.rejected.num_rows == 0
    assert Counter(made.instances.column("label").to_pylist()) == {"on time": 2021, "late": 679}
    assert (folder / "nyc_flights.csv").stat().st_size < 300_000
