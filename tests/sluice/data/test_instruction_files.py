from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.core.errors import DataError
from sluice.data.config import DatasetConfig
from sluice.data.ingest.files import folder_digest, matching_files
from sluice.data.ingest.instances import prepare
from sluice.data.ingest.raw import read_raw
from sluice.data.payloads.conversations import read_conversation

SAVED = Path(__file__).parent / "saved_by_datasets"
"""Written by datasets 5.2.0: a Dataset in the Alpaca form, a DatasetDict of chat messages."""

CHAT = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]
EXPECTED = [("Hi", "Hello!")]


def config(columns: dict[str, str] | None = None, **more: object) -> DatasetConfig:
    values = {"task": "instructions", "files": ["*"], "columns": columns or {}}
    return DatasetConfig.model_validate(values | more)


def write(path: Path, *rows: dict[str, object]) -> Path:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(list(rows)), path)
    else:
        table = pa.Table.from_pylist(list(rows))
        with pa.ipc.new_file(path, table.schema) as sink:
            sink.write_table(table)
    return path


def pairs(folder: Path, settings: DatasetConfig) -> list[tuple[str, str]]:
    rows = map(read_conversation, read_raw(folder, settings)["text"].to_pylist())
    return [(row.prompt, row.response) for row in rows]


FORMS = [
    {"instruction": "Hi", "output": "Hello!", "input": ""},
    {"instruction": "Hi", "output": "Hello!"},
    {"prompt": "Hi", "response": "Hello!"},
    {"question": "Hi", "answer": "Hello!", "id": 3},
    {"messages": CHAT, "prompt": "not read"},
    {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello!"}]},
]


@pytest.mark.parametrize("suffix", ["jsonl", "parquet", "arrow"])
@pytest.mark.parametrize("row", FORMS)
def test_a_form_is_found(tmp_path, row, suffix):
    write(tmp_path / f"a.{suffix}", row)
    assert pairs(tmp_path, config()) == EXPECTED


def test_every_form_and_file_gives_the_same_text(tmp_path):
    texts = set()
    for place, row in enumerate(FORMS):
        for suffix in ("jsonl", "parquet"):
            folder = tmp_path / f"{place}{suffix}"
            folder.mkdir()
            write(folder / f"a.{suffix}", row)
            texts |= set(read_raw(folder, config())["text"].to_pylist())
    assert len(texts) == 1


def test_named_columns(tmp_path):
    write(tmp_path / "a.jsonl", {"p": "Hi", "r": "Hello!", "messages": "x", "prompt": "y"})
    assert pairs(tmp_path, config({"prompt": "p", "response": "r"})) == EXPECTED


def test_named_messages_as_json_text_in_csv(tmp_path):
    cell = json.dumps(CHAT).replace('"', '""')
    (tmp_path / "a.csv").write_text(f'chat,kind\n"{cell}",greeting\n', encoding="utf-8")
    settings = config({"messages": "chat", "family": "kind"})
    assert pairs(tmp_path, settings) == EXPECTED
    assert read_raw(tmp_path, settings)["label"].to_pylist() == ["greeting"]


def test_inputs_join_their_instruction(tmp_path):
    write(tmp_path / "a.jsonl", {"instruction": "Add.", "input": "1, 2", "output": 3},
          {"instruction": "Hi", "input": None, "output": "Hello!"})  # fmt: skip
    assert pairs(tmp_path, config()) == [("Add.\n\n1, 2", "3"), ("Hi", "Hello!")]


def test_families_tags_and_quality(tmp_path):
    rows = [{"prompt": "a", "response": "b", "f": f, "t": ["y", "x"], "q": 2.5} for f in ("k", "")]
    write(tmp_path / "a.parquet", *rows)
    raw = read_raw(tmp_path, config({"family": "f", "tags": "t", "quality": "q"}))
    assert raw["label"].to_pylist() == ["k", "all"]
    row = read_conversation(raw["text"][0].as_py())
    assert (row.tags, row.quality) == (("x", "y"), 2.5)


def test_without_a_family_all_rows_are_of_one(tmp_path):
    write(tmp_path / "a.jsonl", {"prompt": "a", "response": "b"})
    assert read_raw(tmp_path, config())["label"].to_pylist() == ["all"]


@pytest.mark.parametrize(
    ("row", "columns", "expected"),
    [
        ({"text": "x", "label": "y"}, {}, "shows no form of instructions; its columns: text, lab"),
        (
            {"messages": CHAT, "prompt": "a", "response": "b"},
            {},
            r"mixes forms: chat messages \(messages\) and prompt and response \(prompt, response\)",
        ),
        ({"prompt": "a", "query": "b", "response": "c"}, {}, "mixes forms"),
        ({"instruction": "a", "output": "b"}, {"prompt": "p", "response": "r"}, "no column 'p'"),
        ({"prompt": "a", "response": "b"}, {"quality": "q"}, "has no column 'q'"),
        ({"prompt": "a", "response": "b"}, {"tags": "respons"}, "Did you mean 'response'"),
        ({"prompt": CHAT, "response": "b"}, {}, "the column 'prompt' holds list<"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path, row, columns, expected):
    write(tmp_path / "a.parquet", row)
    with pytest.raises(DataError, match=expected):
        read_raw(tmp_path, config(columns))


def test_a_column_with_another_meaning_shows_no_form(tmp_path):
    write(tmp_path / "a.jsonl", {"messages": "m1", "prompt": "Hi", "response": "Hello!"})
    assert pairs(tmp_path, config({"group": "messages"})) == EXPECTED


def test_files_of_different_forms_are_refused(tmp_path):
    write(tmp_path / "a.jsonl", FORMS[0])
    write(tmp_path / "b.jsonl", FORMS[4])
    with pytest.raises(DataError, match=r"different forms: .*a.jsonl: Alpaca .*b.jsonl: chat mess"):
        read_raw(tmp_path, config())


def test_a_saved_dataset(tmp_path):
    shutil.copytree(SAVED / "one", tmp_path / "one")
    settings = config(files=["one"])
    assert pairs(tmp_path, settings)[0] == ("Add 0 and 1.", "1")
    # What `map` leaves behind is no part of it.
    shutil.copy(tmp_path / "one" / "data-00000-of-00001.arrow", tmp_path / "one" / "cache-1.arrow")
    (tmp_path / "one" / "cache-1.arrow").write_bytes(b"broken")
    assert len(pairs(tmp_path, settings)) == 4


def test_a_saved_dict_gives_the_splits(tmp_path):
    shutil.copytree(SAVED / "two_parts", tmp_path / "saved")
    settings = config({"family": "family"}, files=["saved"], split={"by": "folder"})
    instances = prepare(read_raw(tmp_path, settings), settings).instances
    assert sorted(instances["split"].to_pylist()) == ["test"] * 2 + ["train"] * 4
    assert set(instances["label"].to_pylist()) == {"count"}
    assert {name.split("/")[1] for name in instances["file"].to_pylist()} == {"train", "test"}


def test_folders_that_are_no_split_are_set_aside(tmp_path):
    shutil.copytree(SAVED / "two_parts" / "train", tmp_path / "train")
    shutil.copytree(SAVED / "two_parts" / "test", tmp_path / "other")
    settings = config(files=["*/*.arrow"], split={"by": "folder"})
    prepared = prepare(read_raw(tmp_path, settings), settings)
    assert prepared.rejected["reason"].to_pylist() == ["unknown_split"] * 2
    assert (
        "The folder of 'other/data-00000-of-00001.arrow'" in prepared.rejected["detail"][0].as_py()
    )


def test_a_changed_shard_changes_the_digest(tmp_path):
    shutil.copytree(SAVED / "one", tmp_path / "one")
    settings = config(files=["one"])
    (tmp_path / "dataset.yaml").write_text("x")
    before = folder_digest(tmp_path, settings)
    table = pa.ipc.open_stream(matching_files(tmp_path, settings)[0].read_bytes()).read_all()
    with pa.ipc.new_stream(matching_files(tmp_path, settings)[0], table.schema) as sink:
        sink.write_table(table.slice(1))
    assert folder_digest(tmp_path, settings) != before
    assert len(pairs(tmp_path, settings)) == 3


def saved(folder: Path, **state: object) -> Path:
    folder.mkdir()
    (folder / "state.json").write_text(json.dumps(state))
    return folder


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"_data_files": [{"filename": "d.arrow"}]}, "d.arrow is missing, which .*state.json"),
        ({"_data_files": [{"filename": "../d.arrow"}]}, "is missing, which"),
        ({"_data_files": []}, "lists nothing under '_data_files'"),
        ({"_indices_data_files": [{}]}, r"Save it again with dataset.flatten_indices\(\)"),
    ],
)
def test_a_broken_saved_dataset(tmp_path, state, expected):
    saved(tmp_path / "s", **state)
    with pytest.raises(DataError, match=expected):
        read_raw(tmp_path, config(files=["s"]))


def test_broken_arrow_and_json(tmp_path):
    (tmp_path / "a.arrow").write_bytes(b"no arrow file at all")
    with pytest.raises(DataError, match="is not a whole Arrow file"):
        read_raw(tmp_path, config())
    saved(tmp_path / "s")
    (tmp_path / "s" / "state.json").write_text("{")
    with pytest.raises(DataError, match=r"cannot be read: .*Save the dataset again"):
        read_raw(tmp_path, config(files=["s"]))
    (tmp_path / "s" / "dataset_dict.json").write_text('{"splits": ["train"]}')
    with pytest.raises(DataError, match="no folder that datasets' save_to_disk wrote"):
        read_raw(tmp_path, config(files=["s"]))


def test_an_arrow_file_without_rows_or_columns(tmp_path):
    table = pa.table({"prompt": ["a"], "response": ["b"]})
    with pa.ipc.new_stream(tmp_path / "a.arrow", table.schema) as sink:
        sink.write_table(table.slice(1))
    with pytest.raises(DataError, match="holds columns and no row"):
        read_raw(tmp_path, config())
