from __future__ import annotations

import random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.core.errors import DataError
from sluice.data.config import DatasetConfig
from sluice.data.ingest.instances import Prepared, prepare
from sluice.data.ingest.row_format import format_of
from sluice.data.payloads.conversations import read_conversation
from sluice.data.values.normalise import normalise

Rows = list[dict[str, object]]


def config(*named: str, **more: object) -> DatasetConfig:
    columns = {"prompt": "prompt", "response": "response"} | {name: name for name in named}
    return DatasetConfig.model_validate(
        {"task": "instructions", "files": ["a.jsonl"], "columns": columns} | more
    )


def filler(count: int = 40) -> Rows:
    return [{"prompt": f"ask {i}", "response": f"say {i}"} for i in range(count)]


def prepared(rows: Rows, *named: str, **more: object) -> Prepared:
    names = ["prompt", "response", *named]
    table = pa.table({name: pa.array([row.get(name) for row in rows]) for name in names})
    chosen = config(*named, **more)
    read = format_of(chosen).of_table(table, chosen, "a.jsonl", "a.jsonl")
    return prepare(read.raw, chosen)


def reasons(rows: Rows, *named: str, **more: object) -> list[str]:
    found = prepared([*filler(), *rows], *named, **more)
    return sorted(found.rejected["reason"].to_pylist())


def names(found: Prepared) -> list[str]:
    return [warning.partition(":")[0] for warning in found.warnings]


def test_one_class_is_enough():
    found = prepared(filler())
    assert found.instances.num_rows == 40
    assert set(found.instances["label"].to_pylist()) == {"all"}
    assert found.rejected.num_rows == 0


def test_bad_rows_are_set_aside():
    assert reasons([{"prompt": "a", "response": " "}]) == ["no_response"]
    assert reasons([{"prompt": "", "response": "b"}]) == ["no_prompt"]
    assert reasons([{"prompt": "a", "response": "b" * 99}], limits={"max_characters": 99}) == [
        "text_too_long"
    ]
    assert reasons([{"prompt": "a", "response": "b" * 98}], limits={"max_characters": 99}) == []


def test_bad_qualities_are_set_aside():
    cells = [float("nan"), float("inf"), -1.0, None, 0.0, 2.0]
    rows = [row | {"quality": cell} for row, cell in zip(filler(46)[40:], cells, strict=True)]
    found = prepared([row | {"quality": 1.0} for row in filler()] + rows, "quality")
    assert found.rejected["reason"].to_pylist() == ["bad_quality"] * 4
    said = " ".join(found.rejected["detail"].to_pylist())
    assert all(f"The quality is {word}, and" in said for word in ("nan", "inf", "-1", "missing"))


def test_equal_pairs_are_one_row_and_equal_prompts_are_not():
    rows: Rows = [
        {"prompt": "Ask  0", "response": "SAY 0"},
        {"prompt": "ask 0", "response": "say something else"},
    ]
    found = prepared(filler() + rows)
    assert found.rejected["reason"].to_pylist() == ["duplicate_row"]
    assert names(found) == ["repeated_prompts"]
    assert "1 rows have the prompt of another row" in found.warnings[0]


def test_a_boundary_moved_between_prompt_and_response_is_another_row():
    rows: Rows = [{"prompt": "a b", "response": "c"}, {"prompt": "a", "response": "b c"}]
    assert reasons(rows) == []


def test_families_are_counted():
    rows = [row | {"family": "ab"[i % 2]} for i, row in enumerate(filler())]
    rows.append({"prompt": "x", "response": "y", "family": "lonely"})
    found = prepared(rows, "family")
    assert names(found) == ["single_row_family"]
    assert "the family 'lonely' has one row," in found.warnings[0]
    many = prepared([row | {"family": f"{i}"} for i, row in enumerate(filler())], "family")
    assert names(many) == ["single_row_family", "many_families"]


def test_the_same_prompt_in_training_and_validation_is_refused():
    rows = [row | {"split": "train", "id": f"t{i}"} for i, row in enumerate(filler(9))]
    good: Rows = [{"prompt": "new", "response": "x", "split": "dev", "id": "v0"}]
    assert prepared(rows + good, "split", "id").instances.num_rows == 10
    bad: Rows = [{"prompt": "ASK 3 ", "response": "other", "split": "dev", "id": "v1"},
                 {"prompt": "ask 4", "response": "say 4", "split": "test", "id": "v2"}]  # fmt: skip
    with pytest.raises(DataError) as caught:
        prepared(rows + good + bad, "split", "id")
    said = str(caught.value)
    assert said.startswith("2 rows of validation and test have a prompt that is also among the tra")
    assert "v1 (a.jsonl, row 11; validation) repeats t3" in said
    assert "v2 (a.jsonl, row 12; test) repeats t4" in said
    assert "v0" not in said


def test_groups_that_part_a_prompt_are_refused():
    rows: Rows = [{"prompt": "same", "response": f"r{i}", "group": f"g{i}"} for i in range(40)]
    with pytest.raises(DataError, match="Give rows of equal prompts one value of the column 'gr"):
        prepared(rows, "group")
    one = [row | {"group": "g"} for row in rows]
    apart: Rows = [row | {"group": f"h{i}"} for i, row in enumerate(filler())]
    assert prepared(one + apart, "group").instances.num_rows == 80


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), max_size=30), st.randoms())
def test_hashes_never_part_a_prompt_and_no_order_matters(drawn, shuffling: random.Random):
    rows = filler() + [{"prompt": f"p{p} ", "response": f"r{r}"} for p, r in drawn]
    found = prepared(rows)
    texts, splits = (found.instances[name].to_pylist() for name in ("text", "split"))
    sides: dict[str, set[str]] = {}
    for text, split in zip(texts, splits, strict=True):
        sides.setdefault(normalise(read_conversation(text).prompt), set()).add(split)
    assert all(len(side) == 1 for side in sides.values())
    shuffling.shuffle(rows)
    again = prepared(rows)
    kept = ["instance_id", "content_hash", "text", "label", "split"]
    assert again.instances.select(kept).equals(found.instances.select(kept))


def test_another_answer_never_moves_a_row():
    before = prepared(filler())
    after = prepared([row | {"response": f"{row['response']}!"} for row in filler()])
    split = {}
    for found in (before, after):
        for row in found.instances.to_pylist():
            prompt = read_conversation(row["text"]).prompt
            assert split.setdefault(prompt, row["split"]) == row["split"]


def test_too_few_rows():
    with pytest.raises(DataError, match=r"None of the 2 rows can be used: no_response 2. Check th"):
        prepared([{"prompt": "a", "response": ""}, {"prompt": "b", "response": None}])
    rows = [row | {"split": "test"} for row in filler(5)]
    rows[0]["split"] = "train"
    with pytest.raises(DataError, match="1 of the 5 usable rows are for training, which needs two"):
        prepared(rows, "split")


def test_missing_splits_are_warned_of():
    rows = [row | {"split": "train"} for row in filler(5)]
    assert names(prepared(rows, "split")) == ["no_validation_rows", "no_test_rows"]
