from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from sluice.cli import app
from sluice.core.errors import ConfigError, DataError
from sluice.data.config import load_config
from sluice.data.ingest.add import add_dataset
from sluice.data.ingest.instances import prepare
from sluice.data.ingest.raw import read_raw
from sluice.data.payloads.conversations import read_conversation
from sluice.tasks.instructions import TASK

SAVED = Path(__file__).parent / "saved_by_datasets"
SHIPPED = Path(__file__).parents[3] / "datasets" / "evals_instructions"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    rows = [{"instruction": f"ask {i}", "output": f"say {i}", "kind": "ab"[i % 2]}
            for i in range(40)]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_file_becomes_a_dataset_that_names_what_was_found(source, tmp_path):
    root = tmp_path / "datasets"
    made = add_dataset(source, root, task="instructions", more_columns={"family": "kind"})
    assert made.form == "Alpaca (instruction, output)"
    assert made.classes == {"a": 20, "b": 20}
    config = load_config(made.folder)
    assert config.columns.form == {"instruction": "instruction", "output": "output"}
    assert config.columns.family == "kind"
    assert prepare(read_raw(made.folder, config), config).instances.num_rows == 40


def test_a_saved_dict_becomes_a_dataset_with_its_splits(tmp_path):
    with pytest.raises(DataError, match=r"No row is for validation .* give --force to take it"):
        add_dataset(SAVED / "two_parts", tmp_path, task="instructions")
    made = add_dataset(SAVED / "two_parts", tmp_path, task="instructions", force=True)
    assert made.form == "chat messages (messages); the parts train, test are the splits"
    assert made.splits == {"train": 4, "test": 2}
    assert [warning.partition(":")[0] for warning in made.warnings] == [
        "not_read",
        "no_validation_rows",
    ]
    config = load_config(made.folder)
    assert (config.files, config.split.by) == (["two_parts"], "folder")
    assert prepare(read_raw(made.folder, config), config).instances.num_rows == 6
    copied = {p.relative_to(made.folder).as_posix() for p in made.folder.rglob("*.*")}
    original = {p.relative_to(SAVED).as_posix() for p in (SAVED / "two_parts").rglob("*.*")}
    assert copied == original | {"dataset.yaml"}
    assert os.listdir(tmp_path) == ["two_parts"]


def test_parts_with_other_names_are_split_by_hashes(tmp_path):
    folder = tmp_path / "chat"
    folder.mkdir()
    for name in ("train", "test"):
        os.symlink(SAVED / "two_parts" / name, folder / f"{name}_sft")
    (folder / "dataset_dict.json").write_text('{"splits": ["train_sft", "test_sft"]}')
    made = add_dataset(folder, tmp_path / "datasets", task="instructions")
    assert made.form.endswith("train_sft, test_sft are taken together, hashes split the rows")
    assert load_config(made.folder).split.by == "hash"


def test_nothing_is_left_of_a_folder_that_fails(tmp_path):
    with pytest.raises(DataError, match="holds list<"):
        add_dataset(SAVED / "two_parts", tmp_path, text_column="messages", label_column="family")
    assert os.listdir(tmp_path) == []


def test_a_folder_that_datasets_did_not_save(tmp_path):
    with pytest.raises(DataError, match=r"has neither state.json nor dataset_dict.json. Give one"):
        add_dataset(tmp_path, tmp_path, name="x", task="instructions")


def test_options_that_do_not_fit(source, tmp_path):
    with pytest.raises(ConfigError, match="has prompt without response; name that column, too"):
        add_dataset(source, tmp_path, task="instructions", more_columns={"prompt": "instruction"})
    with pytest.raises(ConfigError, match="columns: lacks label; name the column that holds the c"):
        add_dataset(source, tmp_path, text_column="instruction")


def invoke(*options: object):
    return CliRunner().invoke(app, list(map(str, options)), env={"COLUMNS": "120"})


def test_at_the_command_line(source, tmp_path):
    result = invoke(
        "add", source, "--task", "instructions", "--datasets", tmp_path / "d",
        "--family-column", "kind",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert "Alpaca (instruction, output)" in result.stdout
    assert "families" in result.stdout
    assert "a 20" in result.stdout


def test_every_column_has_an_option(tmp_path):
    rows = [{"p": f"Ask {i}", "r": "Hello", "t": ["x"], "q": 1.0, "i": "now", "n": f"{i}",
             "m": [{"from": "human", "value": f"Ask {i}\n\nnow"},
                   {"from": "gpt", "value": "Hello"}]} for i in range(30)]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    more = ["--tags-column", "t", "--quality-column", "q", "--id-column", "n"]
    texts = []
    for place, named in enumerate((
        ["--prompt-column", "p", "--response-column", "r"],
        ["--instruction-column", "p", "--output-column", "r", "--input-column", "i"],
        ["--messages-column", "m"],
    )):  # fmt: skip
        options = ["--task", "instructions", "--datasets", tmp_path, "--name", f"d{place}", *named]
        result = invoke("add", tmp_path / "a.parquet", *options, *more)
        assert result.exit_code == 0, result.stderr
        config = load_config(tmp_path / f"d{place}")
        texts.append(read_raw(tmp_path / f"d{place}", config)["text"].to_pylist())
    assert texts[1] == texts[2] != texts[0]
    row = read_conversation(texts[0][3])
    assert (row.prompt, row.response, row.tags, row.quality) == ("Ask 3", "Hello", ("x",), 1.0)


def test_exported_rows_can_be_added_again(source, tmp_path):
    first = add_dataset(
        source, tmp_path / "d", task="instructions", more_columns={"family": "kind"}
    )
    config = load_config(first.folder)
    instances = prepare(read_raw(first.folder, config), config).instances
    exported = TASK.rows.restore(instances.select(["instance_id", "text", "label"]))
    assert exported.column_names == ["instance_id", "messages", "family"]
    pq.write_table(exported, tmp_path / "kept.parquet")
    again = add_dataset(
        tmp_path / "kept.parquet", tmp_path / "d", task="instructions", id_column="instance_id",
        more_columns={"family": "family"},
    )  # fmt: skip
    config = load_config(again.folder)
    kept = ["instance_id", "content_hash", "text", "label", "split"]
    assert (
        prepare(read_raw(again.folder, config), config)
        .instances.select(kept)
        .equals(instances.select(kept))
    )


def test_exported_tags_and_qualities(tmp_path):
    text = '{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]'
    texts = [text + "}", text + ',"tags":["x"],"quality":2.0}']
    table = TASK.rows.restore(pa.table({"rank": [1, 2], "text": texts, "label": ["f", "g"]}))
    assert table.column_names == ["rank", "messages", "tags", "quality", "family"]
    assert table["tags"].to_pylist() == [None, ["x"]]
    assert table["quality"].to_pylist() == [None, 2.0]


def test_the_shipped_sample_is_whole():
    config = load_config(SHIPPED)
    prepared = prepare(read_raw(SHIPPED, config), config)
    assert (prepared.instances.num_rows, prepared.rejected.num_rows) == (1009, 0)
    families = prepared.instances["label"].to_pylist()
    assert len(set(families)) == 61
    assert set(families) == set((SHIPPED / "families.txt").read_text().split())
    rows = [read_conversation(text) for text in prepared.instances["text"].to_pylist()]
    assert sum(len(row.response) >= 200 for row in rows) >= 40
    ids = prepared.instances["instance_id"].to_pylist()
    long_form = {name for name in ids if name.startswith("long_form-")}
    assert long_form <= set((SHIPPED / "wikipedia.txt").read_text().split())
