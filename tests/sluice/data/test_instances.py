from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sluice.core.digests import content_hash, text_hash
from sluice.core.errors import DataError
from sluice.data.config import DatasetConfig, load_config
from sluice.data.ingest.instances import Prepared, prepare
from sluice.data.ingest.raw import read_raw
from sluice.data.ingest.validation import screen
from sluice.data.values.normalise import normalise

DATASETS = Path(__file__).parents[3] / "datasets"
Rows = list[dict[str, str | None]]


def config(*named: str, **more: object) -> DatasetConfig:
    columns = {"text": "text", "label": "label"} | {name: name for name in named}
    return DatasetConfig.model_validate(
        {"task": "text", "files": ["a.csv"], "columns": columns} | more
    )


def table(rows: Rows, *named: str) -> pa.Table:
    columns = {
        name: pa.array([row.get(name) for row in rows], pa.string())
        for name in ("text", "label", *named)
    }
    columns["file"] = pa.array(["a.csv"] * len(rows), pa.string())
    columns["row"] = pa.array(range(1, len(rows) + 1), pa.int64())
    return pa.table(columns)


def filler(count: int = 60) -> Rows:
    """Enough good rows of two classes that every split has both."""
    return [{"text": f"filler {i}", "label": "ab"[i % 2], "id": f"f{i:03}"} for i in range(count)]


def test_columns_hashes_and_ids():
    rows = [{"text": " One  text", "label": " b "}, *filler()]
    instances = prepare(table(rows), config()).instances
    assert instances.column_names == [
        "instance_id", "content_hash", "text_hash", "text", "label", "split", "file", "row",
    ]  # fmt: skip
    assert instances.schema.field("row").type == pa.int64()
    (one,) = [row for row in instances.to_pylist() if row["row"] == 1]
    assert one["text"] == " One  text"
    assert one["label"] == "b"
    assert one["content_hash"] == content_hash(" One  text", "b")
    assert one["text_hash"] == text_hash(" One  text")
    assert one["instance_id"] == one["content_hash"][:16] + "-0"
    ids = instances.column("instance_id").to_pylist()
    assert ids == sorted(ids)


@pytest.mark.parametrize(
    ("row", "reason", "says"),
    [
        ({"text": "x", "label": None}, "missing_label", "The column 'label' is empty. Fill in"),
        ({"text": "x", "label": " "}, "missing_label", "The column 'label' is empty."),
        ({"text": None, "label": "c"}, "empty_text", "The column 'text' holds no text."),
        ({"text": " \n\t", "label": "c"}, "empty_text", "The column 'text' holds no text."),
        ({"text": "x" * 21, "label": "c"}, "text_too_long", "21 characters, more than "
         "limits.max_characters (20). Shorten it"),
        ({"text": "x", "label": "c", "id": None}, "missing_id", "The column 'id' is empty."),
        ({"text": "x", "label": "c", "id": " "}, "missing_id", "The column 'id' is empty."),
        ({"text": "x", "label": "c", "id": "i", "split": "trian"}, "unknown_split",
         "The column 'split' holds none of train, training, val,"),
        ({"text": "x", "label": "c", "id": "i", "split": None}, "unknown_split", "holds none of"),
        ({"text": "x", "label": "c", "id": "i\0"}, "nul_character", "The column 'id' holds a NUL"),
        ({"text": "x", "label": "\0c"}, "nul_character", "The column 'label' holds a NUL"),
        ({"text": "x", "label": "\0"}, "nul_character", "The column 'label' holds a NUL"),
        ({"text": "x\0y", "label": "c"}, "nul_character", "The column 'text' holds a NUL"),
        ({"text": "x", "label": "c", "split": "train\0"}, "unknown_split", "holds none of"),
    ],
)  # fmt: skip
def test_a_row_that_is_wrong_by_itself(row, reason, says):
    good = [r | {"split": "train" if i < 30 else "test"} for i, r in enumerate(filler())]
    rows = [{"split": "train", "id": "j"} | row, *good]
    settings = config("id", "split", limits={"max_characters": 20})
    made = prepare(table(rows, "id", "split"), settings)
    (rejected,) = made.rejected.to_pylist()
    assert rejected["reason"] == reason
    assert says in rejected["detail"]
    assert (rejected["file"], rejected["row"]) == ("a.csv", 1)
    assert rejected["text"] == (row["text"] or "").replace("\0", "␀")
    assert "\0" not in "".join(map(str, rejected.values()))
    assert made.instances.num_rows == len(good)


def test_rejected_texts_are_cut():
    made = prepare(table([{"text": "x" * 999, "label": ""}, *filler()]), config())
    assert made.rejected.column("text").to_pylist() == ["x" * 200]


def test_the_same_id_twice_keeps_the_smallest_content():
    rows = [{"text": "one", "label": "a", "id": "i"}, {"text": "two", "label": "b", "id": "i"}]
    small, large = sorted(rows, key=lambda r: content_hash(str(r["text"]), str(r["label"])))
    made = prepare(table(rows + filler(), "id"), config("id"))
    (rejected,) = made.rejected.to_pylist()
    assert (rejected["reason"], rejected["text"]) == ("duplicate_id", large["text"])
    assert "The id 'i' is also that of a.csv, row" in rejected["detail"]
    kept = {row["instance_id"]: row["text"] for row in made.instances.to_pylist()}
    assert kept["i"] == small["text"]


def test_equal_texts_keep_the_smallest_id():
    rows: Rows = [
        {"text": "Straße\u00a0 é", "label": "a", "id": "3"},
        {"text": " STRASSE e\u0301", "label": "a", "id": "1"},
        {"text": "strasse É", "label": "b", "id": "2"},
    ]
    assert len({normalise(str(row["text"])) for row in rows}) == 1
    made = prepare(table(rows + filler(), "id"), config("id"))
    assert [(r["instance_id"], r["reason"]) for r in made.rejected.to_pylist()] == [
        ("2", "conflict"),
        ("3", "duplicate_text"),
    ]
    conflict, duplicate = made.rejected.column("detail").to_pylist()
    assert "equals that of '1', which is kept with the label 'a'; this row says 'b'" in conflict
    assert "Nothing need be done" in duplicate
    assert "1" in made.instances.column("instance_id").to_pylist()


def test_equal_contents_without_ids_get_ordinals():
    rows: Rows = [{"text": "x", "label": "a"}] * 3
    made = prepare(table(rows + filler()), config())
    short = content_hash("x", "a")[:16]
    assert made.rejected.column("instance_id").to_pylist() == [f"{short}-1", f"{short}-2"]
    assert f"{short}-0" in made.instances.column("instance_id").to_pylist()


@pytest.mark.parametrize(
    ("said", "meant"),
    [("train", "train"), (" Training", "train"), ("val", "validation"), ("valid", "validation"),
     ("VALIDATION", "validation"), ("dev", "validation"), ("Test ", "test")],
)  # fmt: skip
def test_the_users_split(said, meant):
    rows: Rows = [{"text": "x", "label": "a", "split": said}]
    rows += [row | {"split": "train"} for row in filler()]
    made = prepare(table(rows, "split"), config("split")).instances
    assert [r["split"] for r in made.to_pylist() if r["text"] == "x"] == [meant]


def test_groups_stay_together_and_shares_hold():
    rows: Rows = [
        {"text": f"t{i}", "label": "ab"[i % 2], "group": f"g{i // 4}"} for i in range(4000)
    ]
    settings = config("group", split={"validation": 0.2, "test": 0.1})
    instances = prepare(table(rows, "group"), settings).instances.to_pylist()
    sides: dict[str, set[str]] = {}
    for row in instances:
        sides.setdefault(f"g{(row['row'] - 1) // 4}", set()).add(row["split"])
    assert all(len(side) == 1 for side in sides.values())
    counts = Counter(row["split"] for row in instances)
    # 1,000 groups: four standard deviations are 0.051 and 0.038.
    assert abs(counts["validation"] / 4000 - 0.2) < 0.051
    assert abs(counts["test"] / 4000 - 0.1) < 0.038


def test_a_blank_group_falls_back_to_the_text():
    rows: Rows = [{"text": f"t{i}", "label": "ab"[i % 2], "group": [None, " "][i % 2]}
                  for i in range(200)]  # fmt: skip
    grouped = prepare(table(rows, "group"), config("group")).instances
    assert grouped.equals(prepare(table(rows), config()).instances)


TEXTS = st.sampled_from(["x", "X", " x", "y", "é", "e\u0301", "", "long enough"])
ROW = st.fixed_dictionaries(
    {
        "text": TEXTS,
        "label": st.sampled_from(["a", "b", "", None]),
        "id": st.sampled_from(["1", "2", "3", "4", "", None]),
        "group": st.sampled_from(["g", "h", None]),
        "split": st.sampled_from(["train", "dev", "test", "?"]),
    }
)
NAMED = st.sets(st.sampled_from(["id", "group", "split"])).map(sorted)


def outcome(raw: pa.Table, settings: DatasetConfig) -> tuple[object, ...]:
    try:
        made = prepare(raw, settings)
    except DataError as error:
        return (str(error),)
    return made.instances.to_pylist(), made.rejected.to_pylist(), made.warnings


@given(st.lists(ROW, min_size=1, max_size=12), NAMED, st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_any_order_of_the_rows_gives_the_same(rows, named, random):
    raw = table(rows + filler(8), *named)
    order = list(range(raw.num_rows))
    random.shuffle(order)
    assert outcome(raw, config(*named)) == outcome(raw.take(order), config(*named))


@given(st.lists(ROW, min_size=1, max_size=12), NAMED)
@settings(max_examples=100, deadline=None)
def test_every_row_is_an_instance_or_rejected_and_nothing_repeats(rows, named):
    screened = screen(table(rows, *named), config(*named))
    places = [r.row for r in screened.kept] + [r.row.row for r in screened.rejected]
    assert sorted(places) == list(range(1, len(rows) + 1))
    assert len({r.instance_id for r in screened.kept}) == len(screened.kept)
    assert len({r.normalised for r in screened.kept}) == len(screened.kept)


@given(
    st.lists(ROW, max_size=12),
    st.lists(st.booleans(), min_size=60, max_size=60),
    NAMED.filter(lambda named: "id" not in named),
)
@settings(max_examples=80, deadline=None)
def test_others_coming_and_going_never_move_a_row(arrivals, stays, named):
    first = [row | {"group": f"g{i}", "split": "train"} for i, row in enumerate(filler())]
    remaining = [row for row, stay in zip(first, stays, strict=True) if stay]
    assume(len({row["label"] for row in remaining}) == 2)

    def splits(rows: Rows) -> dict[str, str]:
        kept = screen(table(rows, *named), config(*named)).kept
        return {row.text: row.split or "" for row in kept}

    before, after = splits(first), splits(arrivals + remaining)
    assert all(after[str(row["text"])] == before[str(row["text"])] for row in remaining)


def test_every_format_gives_the_same_instances(tmp_path):
    raw = pq.read_table(DATASETS / "vader_tweets" / "vader_tweets.parquet").slice(0, 300)
    plain = raw.select(["id", "text", "label"])
    pacsv.write_csv(plain, tmp_path / "a.csv")
    pq.write_table(plain, tmp_path / "a.parquet")
    lines = [json.dumps(row) for row in plain.to_pylist()]
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    made = []
    for name in ("a.csv", "a.jsonl", "a.parquet"):
        settings = config("id", files=[name])
        instances = prepare(read_raw(tmp_path, settings), settings).instances
        made.append(instances.drop_columns(["file"]))
    assert made[0].num_rows > 290
    assert made[0].equals(made[1])
    assert made[0].equals(made[2])


@pytest.mark.parametrize(
    ("name", "rows", "reasons"),
    [
        ("vader_tweets", 4140, {"duplicate_text": 60}),
        ("vader_reviews", 14299, {"duplicate_text": 12, "conflict": 2}),
    ],
)
def test_the_shipped_datasets(name, rows, reasons):
    settings = load_config(DATASETS / name)
    made: Prepared = prepare(read_raw(DATASETS / name, settings), settings)
    assert made.instances.num_rows == rows
    assert Counter(made.rejected.column("reason").to_pylist()) == reasons
    assert made.warnings == []
    assert set(made.instances.column("label").to_pylist()) == {"positive", "negative", "neutral"}
    counts = Counter(made.instances.column("split").to_pylist())
    assert 0.08 < counts["test"] / rows < 0.12
    assert 0.08 < counts["validation"] / rows < 0.12
