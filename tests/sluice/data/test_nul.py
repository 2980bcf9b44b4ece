"""A NUL character ends a value in the lake's catalogue: such rows are set aside, in every task."""

import json
from pathlib import Path
from typing import Any

import pytest

from sluice.data.config import DatasetConfig
from sluice.data.ingest.instances import prepare
from sluice.data.ingest.raw import read_raw

SPLIT = {"id": "id", "split": "split"}
LABELLED = {**SPLIT, "label": "label"}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], set[str], set[str]]] = {
    # columns of the configuration, a row, fields that are kept as they are, and those within JSON
    "text": (
        {**LABELLED, "text": "text", "group": "group"},
        {"text": "some words", "label": "a", "group": "g"},
        {"id", "label", "text", "group"},
        set(),
    ),
    "tabular": (
        {**LABELLED, "group": "group"},
        {"size": "large", "colour": "red", "label": "a", "group": "g"},
        {"id", "label", "group"},
        {"colour"},
    ),
    "instructions": (
        {**SPLIT, "family": "family", "tags": "tags"},
        {"prompt": "ask", "response": "answer", "family": "f", "tags": ["t", "u"]},
        {"id", "family", "tags"},
        {"prompt", "response"},
    ),
    "tokens": (
        SPLIT,
        {"tokens": ["Ada", "sleeps"], "tags": ["B-PER", "O"]},
        {"id", "tags"},
        {"tokens"},
    ),
}


def with_nul(value: Any) -> Any:
    return [f"{value[0]}\0", *value[1:]] if isinstance(value, list) else f"{value[:1]}\0{value[1:]}"


@pytest.mark.parametrize("task", CASES)
def test_a_row_with_nul_is_set_aside_or_kept_as_json(tmp_path: Path, task: str) -> None:
    columns, row, aside, kept = CASES[task]

    def numbered(number: int) -> dict[str, Any]:
        own = {
            key: [f"{value[0]}{number}", *value[1:]] if key == "tokens" else f"{value} {number}"
            for key, value in row.items()
            if key not in ("label", "group", "family", "tags")
        }
        split = ("train", "validation", "test")[number % 3]
        labelled = {"label": "ab"[number // 3 % 2]} if "label" in row else {}
        return {**row, **own, **labelled, "id": f"i{number:02}", "split": split}

    rows = [numbered(number) for number in range(30)]
    for place, field in enumerate(sorted(aside | kept)):
        rows[place][field] = with_nul(rows[place][field])
    lines = "".join(json.dumps(each) + "\n" for each in rows)
    (tmp_path / "rows.jsonl").write_text(lines)
    config = DatasetConfig.model_validate(
        {"task": task, "files": ["rows.jsonl"], "columns": columns}
    )
    made = prepare(read_raw(tmp_path, config), config)
    found = {each["row"]: each for each in made.rejected.to_pylist()}
    assert {each["reason"] for each in found.values()} == {"nul_character"}
    assert [sorted(aside | kept)[number - 1] for number in sorted(found)] == sorted(aside)
    for number, each in found.items():
        assert f"The column {sorted(aside | kept)[number - 1]!r} holds" in each["detail"]
    assert made.instances.num_rows == 30 - len(aside)
    for table in (made.instances, made.rejected):
        for name in table.column_names:
            assert not any("\0" in str(value) for value in table[name].to_pylist()), name
