"""What stands beside prompts and chats: read, or named and never taken for equal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.data.config import load_config
from sluice.data.ingest.add import add_dataset
from sluice.data.ingest.instances import Prepared, prepare
from sluice.data.ingest.raw import read_raw
from sluice.data.payloads.conversations import read_conversation

N = 60
SYSTEM = [
    {"role": "system", "content": "You are 7."},
    {"role": "user", "content": "Q7?"},
    {"role": "assistant", "content": "Yes."},
]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        table = pa.Table.from_pylist(rows)
        with pa.ipc.new_file(path, table.schema) as sink:
            sink.write_table(table)
    return path


def prepared(tmp_path: Path, rows: list[dict[str, Any]], suffix: str, **options: Any) -> Prepared:
    source = write(tmp_path / f"a.{suffix}", rows)
    made = add_dataset(source, tmp_path / "d", task="instructions", **options)
    config = load_config(made.folder)
    return prepare(read_raw(made.folder, config), config)


def conversations(found: Prepared) -> list[list[dict[str, str]]]:
    return [read_conversation(text).mappings for text in found.instances["text"].to_pylist()]


def chat(i: int) -> list[dict[str, str]]:
    return [{"from": "human", "value": f"Q{i}?"}, {"from": "gpt", "value": "Yes."}]


FORMS = {
    "orca": lambda i: {
        "system_prompt": f"You are {i}.", "question": f"Q{i % 30}?", "response": "Yes."
    },
    "alpaca": lambda i: {
        "instruction": f"Q{i % 30}?", "input": "", "output": "Yes.", "system": f"You are {i}."
    },
    "sharegpt": lambda i: {"system": f"You are {i}.", "conversations": chat(i % 30)},
    "messages": lambda i: {
        "system": f"You are {i}.",
        "messages": [{"role": "user", "content": f"Q{i % 30}?"},
                     {"role": "assistant", "content": "Yes."}],
    },
}  # fmt: skip


@pytest.mark.parametrize("suffix", ["jsonl", "parquet", "arrow"])
@pytest.mark.parametrize("form", FORMS)
def test_system_messages_come_first(tmp_path, form, suffix):
    found = prepared(tmp_path, [FORMS[form](i) for i in range(N)], suffix)
    assert found.instances.num_rows == N
    assert found.rejected.num_rows == 0
    assert SYSTEM in conversations(found)
    assert found.warnings == []


def test_every_form_of_a_system_message_gives_the_same_rows(tmp_path):
    hashes = []
    for form, row in FORMS.items():
        (tmp_path / form).mkdir()
        found = prepared(tmp_path / form, [row(i) for i in range(N)], "jsonl")
        hashes.append(found.instances["content_hash"].to_pylist())
    assert all(each == hashes[0] for each in hashes)


HISTORIES = {
    "pairs": lambda i: [[f"q{i}", "a"], ["more", "b"]],
    "text": lambda i: json.dumps([[f"q{i}", "a"], ["more", "b"]]),
    "messages": lambda i: [
        {"role": "user", "content": f"q{i}"}, {"role": "assistant", "content": "a"},
        {"role": "user", "content": "more"}, {"role": "assistant", "content": "b"},
    ],
}  # fmt: skip


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
@pytest.mark.parametrize("kind", HISTORIES)
def test_earlier_turns_come_before(tmp_path, kind, suffix):
    rows = [
        {
            "prompt": f"And {i % 30}?",
            "response": "Yes.",
            "system": "S",
            "history": HISTORIES[kind](i),
        }
        for i in range(N)
    ]
    found = prepared(tmp_path, rows, suffix)
    assert found.instances.num_rows == N
    said = [[each["content"] for each in messages] for messages in conversations(found)]
    assert ["S", "q3", "a", "more", "b", "And 3?", "Yes."] in said
    assert [each["role"] for each in conversations(found)[0]][:3] == ["system", "user", "assistant"]


def test_a_history_that_cannot_be_read_is_set_aside(tmp_path):
    rows: list[dict[str, Any]] = [
        {"prompt": f"Q{i}?", "response": "Yes.", "history": None if i else ["q", "a", "q"]}
        for i in range(N)
    ]
    found = prepared(tmp_path, rows, "jsonl")
    assert found.rejected["reason"].to_pylist() == ["unreadable_messages"]
    assert found.instances.num_rows == N - 1


@pytest.mark.parametrize(
    "names", [("question", "context", "answer"), ("instruction", "context", "response"),
              ("instruction", "input", "output"), ("prompt", "input", "completion")]
)  # fmt: skip
def test_what_a_prompt_is_about_is_read(tmp_path, names):
    rows = [dict(zip(names, (f"Q{i % 30}?", f"Of {i}.", "Yes."), strict=True)) for i in range(N)]
    found = prepared(tmp_path, rows, "jsonl")
    assert found.instances.num_rows == N
    expected = [
        {"role": "user", "content": "Q5?\n\nOf 35."}, {"role": "assistant", "content": "Yes."}
    ]  # fmt: skip
    assert expected in conversations(found)


@pytest.mark.parametrize("suffix", ["jsonl", "parquet", "arrow"])
@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("tools", lambda i: {"tools": [{"name": f"tool {i}"}]}),
        ("context", lambda i: {"context": {"title": f"page {i}"}}),
        ("images", lambda i: {"images": [f"{i}.png"]}),
        ("source", lambda i: {"source": f"site {i}"}),
    ],
)
def test_what_is_not_read_is_named_and_makes_rows_different(tmp_path, name, more, suffix):
    rows = [{"question": f"Q{i % 30}?", "answer": "Yes.", **more(i)} for i in range(N)]
    found = prepared(tmp_path, rows, suffix)
    assert found.instances.num_rows == N
    assert found.warnings[0].startswith(f"not_read: '{name}' is in the files and no part of the")


def test_rows_equal_beside_their_texts_are_equal(tmp_path):
    rows = [{"question": f"Q{i % 30}?", "answer": "Yes.", "source": "one"} for i in range(N)]
    found = prepared(tmp_path, rows, "jsonl")
    assert found.instances.num_rows == N // 2
    assert set(found.rejected["reason"].to_pylist()) == {"duplicate_row"}


def test_further_keys_of_messages_are_named_and_make_rows_different(tmp_path):
    rows = [
        {"messages": [{**part, "model": f"m{i // 30}", "note": None} for part in chat(i % 30)]}
        for i in range(N)
    ]
    found = prepared(tmp_path, rows, "jsonl")
    assert found.instances.num_rows == N
    assert found.warnings[0].startswith("not_read: 'messages.model' is in the files")


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ({"tool_calls": [{"id": "1", "function": {"name": "f"}}]}, "unread_parts"),
        ({"function_call": {"name": "f", "arguments": "{}"}}, "unread_parts"),
        ({"name": "Ann"}, "unread_parts"),
        ({"weight": 0}, "unread_parts"),
        ({"images": ["a.png"]}, "unread_parts"),
    ],
)
def test_parts_of_messages_that_mean_something_set_the_row_aside(tmp_path, part, reason, suffix):
    plain = [
        [{"role": "user", "content": f"Q{i}?"}, {"role": "assistant", "content": "Yes."}]
        for i in range(N)
    ]
    plain[4][1] |= part
    found = prepared(tmp_path, [{"messages": each} for each in plain], suffix)
    assert found.rejected["reason"].to_pylist() == [reason]
    assert repr(next(iter(part))) in found.rejected["detail"][0].as_py()
    assert found.instances.num_rows == N - 1


def test_parts_that_say_nothing_change_nothing(tmp_path):
    bare, filled = tmp_path / "bare", tmp_path / "filled"
    hashes = []
    for folder in (bare, filled):
        folder.mkdir()
        more = {"tool_calls": None, "name": "", "weight": 1} if folder is filled else {}
        rows = [{"conversations": [{**part, **more} for part in chat(i)]} for i in range(N)]
        found = prepared(folder, rows, "jsonl")
        hashes.append(found.instances["content_hash"].to_pylist())
    assert hashes[0] == hashes[1]


def test_two_system_messages_that_differ_are_set_aside(tmp_path):
    rows: list[dict[str, Any]] = [
        {"system": "A", "messages": [{"role": "system", "content": "AB"[i == 3]}, *chat(i)]}
        for i in range(N)
    ]
    for row in rows:
        row["messages"][1:] = [
            {"role": "user", "content": row["messages"][1]["value"]},
            {"role": "assistant", "content": "Yes."},
        ]
    found = prepared(tmp_path, rows, "jsonl")
    assert found.rejected["reason"].to_pylist() == ["mixed_roles"]


def test_only_what_is_named_is_read_where_a_form_is_named(tmp_path):
    rows = [{"p": f"Q{i % 30}?", "r": "Yes.", "who": f"You are {i}."} for i in range(N)]
    columns = {"prompt": "p", "response": "r"}
    found = prepared(tmp_path, rows, "jsonl", more_columns=columns)
    assert found.instances.num_rows == N
    assert found.warnings[0].startswith("not_read: 'who'")
    (tmp_path / "again").mkdir()
    again = prepared(tmp_path / "again", rows, "jsonl", more_columns={**columns, "system": "who"})
    assert SYSTEM in conversations(again)
    assert again.warnings == []


def test_further_keys_of_history_make_rows_different(tmp_path):
    rows = [
        {
            "prompt": f"Q{i % 30}?",
            "response": "Yes.",
            "history": [
                {"role": "user", "content": "q"},
                {"role": "assistant", "content": "a", "thinking": f"thought {i}"},
            ],
        }
        for i in range(N)
    ]
    found = prepared(tmp_path, rows, "jsonl")
    assert found.instances.num_rows == N
    assert found.warnings[0].startswith("not_read: 'history.thinking' is in the files")


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_a_content_of_one_text_in_a_list_is_that_text(tmp_path, suffix):
    bare, listed, pictured = (tmp_path / name for name in ("bare", "listed", "pictured"))
    for folder in (bare, listed, pictured):
        folder.mkdir()

    def talk(i):
        return [{"role": "user", "content": f"Q{i}?"}, {"role": "assistant", "content": "Yes."}]

    rows = [{"messages": talk(i)} for i in range(N)]
    parts = [
        [{**each, "content": [{"type": "text", "text": each["content"]}]} for each in talk(i)]
        for i in range(N)
    ]
    shown = [{"messages": each} for each in parts]
    assert prepared(listed, shown, suffix).instances == prepared(bare, rows, suffix).instances
    parts[4][0]["content"].append({"type": "image_url", "image_url": {"url": "a.png"}})
    found = prepared(pictured, [{"messages": each} for each in parts], suffix)
    assert found.rejected["reason"].to_pylist() == ["unreadable_messages"]
    assert "no image" in found.rejected["detail"][0].as_py()
