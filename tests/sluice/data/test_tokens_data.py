"""Tagged sentences as rows of a dataset: files, faults, repairs, and what `sluice add` refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sluice.cli import app
from sluice.core import registry
from sluice.core.errors import ConfigError, DataError
from sluice.data.config import TASKS, DatasetConfig, checked_config, dump_config, load_config
from sluice.data.ingest.add import add_dataset
from sluice.data.ingest.instances import prepare
from sluice.data.ingest.raw import rows_of
from sluice.data.payloads.sentences import joined_words, read_sentence, sentence_text
from sluice.tasks.tokens import TASK

GOOD = "".join(f"Ada{i} B-person\nLovelace I-person\nwrote O\n\nRain{i} O\n\n" for i in range(20))


def config(**said: object) -> DatasetConfig:
    return checked_config({"task": "tokens", "files": ["*"], **said}, "It is not valid.")


def prepared(folder: Path, content: str, name: str = "a.conll", **said: object):
    path = folder / name
    path.write_text(content, encoding="utf-8")
    chosen = config(**said)
    return prepare(rows_of({name: path}, chosen), chosen)


def aside(found) -> list[tuple[int, str]]:
    return [(r["row"], r["reason"]) for r in sorted(found.rejected.to_pylist(), key=_row)]


def _row(row: dict) -> int:
    return row["row"]


def test_a_row_is_one_text_without_loss():
    text = sentence_text(("Zoë", "1\u2028"), ("B-x", "O"))
    assert text == '{"tokens":["Zoë","1\u2028"],"tags":["B-x","O"]}'
    row = read_sentence(text)
    assert (row.tokens, row.tags, row.fault) == (("Zoë", "1\u2028"), ("B-x", "O"), None)
    assert sentence_text(row.tokens, row.tags) == text
    assert registry.load(TASKS, "tokens").rows.display(text) == joined_words(text) == "Zoë 1\u2028"


@pytest.mark.parametrize(
    ("tags", "label"),
    [
        (("O", "O"), "none"),
        (("B-b", "B-a"), "a+b"),
        (("B-a", "B-a"), "a"),
        (("B-a", "I-a"), "a"),
    ],
)
def test_the_label_is_the_types_of_the_spans(tags, label):
    assert read_sentence(sentence_text(("x", "y"), tags)).label == label


def test_a_conll_file_becomes_instances(tmp_path):
    found = prepared(tmp_path, GOOD)
    assert found.instances.num_rows == 40
    assert set(found.instances["label"].to_pylist()) == {"person", "none"}
    first = min(found.instances.to_pylist(), key=_row)
    assert (first["row"], joined_words(first["text"])) == (1, "Ada0 Lovelace wrote")
    assert not found.rejected.num_rows


def test_bad_sentences_are_set_aside_with_their_line(tmp_path):
    bad = "no\n\nwrong I-person\n\nodd X\n\nx y B-person\n\n  \n\n"
    found = prepared(tmp_path, bad + GOOD)
    assert aside(found) == [
        (1, "missing_tag"), (3, "ill_formed_bio"), (5, "no_bio_tag"), (7, "other_columns"),
    ]  # fmt: skip
    details = {r["reason"]: r["detail"] for r in found.rejected.to_pylist()}
    assert details["ill_formed_bio"].startswith("At 'wrong' the tag 'I-person' continues no span")
    assert found.instances.num_rows == 40


def test_repair_mends_and_counts(tmp_path):
    found = prepared(tmp_path, GOOD + "wrong I-person\n\nodd X\n", bio={"repair": True})
    assert [reason for _, reason in aside(found)] == ["no_bio_tag"]
    mended = [r for r in found.instances["text"].to_pylist() if "wrong" in r]
    assert read_sentence(mended[0]).tags == ("B-person",)
    assert [w for w in found.warnings if w.startswith("repaired_tags: 1 tags of 1 sentences")]


def test_equal_words_are_kept_once_and_case_tells_them_apart(tmp_path):
    more = "Ada0 B-person\nLovelace I-person\nwrote O\n\nRain1 B-thing\n\nrain2 O\n"
    found = prepared(tmp_path, GOOD + more)
    assert sorted(reason for _, reason in aside(found)) == ["conflict", "duplicate_text"]
    split = {joined_words(r["text"]): r["split"] for r in found.instances.to_pylist()}
    assert len(split) == 41
    assert split["rain2"] == split["Rain2"], "case never parts two sentences"


def test_jsonl_with_ids_and_splits(tmp_path):
    rows = [
        {"w": ["Ada", str(i)], "t": ["B-p", "O"], "n": f"r{i}", "s": ["train", "dev"][i % 2]}
        for i in range(10)
    ]
    rows += [{"w": ["a"], "t": ["O", "O"], "n": "x", "s": "train"}]
    rows += [{"w": ["b"], "t": ["O"], "n": "", "s": "train"}]
    columns = {"tokens": "w", "tags": "t", "id": "n", "split": "s"}
    content = "".join(json.dumps(row) + "\n" for row in rows)
    found = prepared(tmp_path, content, "a.jsonl", columns=columns)
    assert found.instances["instance_id"].to_pylist() == [f"r{i}" for i in range(10)]
    assert set(found.instances["split"].to_pylist()) == {"train", "validation"}
    assert aside(found) == [(11, "different_lengths"), (12, "missing_id")]
    with pytest.raises(DataError, match="no column 'tokens'"):
        prepared(tmp_path, content, "a.jsonl")
    with pytest.raises(DataError, match=r"CoNLL file, .* columns.id in dataset.yaml names one"):
        prepared(tmp_path, GOOD, columns={"id": "n"})


def test_files_that_cannot_be_used(tmp_path):
    with pytest.raises(DataError, match="No training sentence has a span"):
        prepared(tmp_path, "".join(f"word{i} O\n\n" for i in range(9)))
    with pytest.raises(DataError, match="is empty"):
        prepared(tmp_path, "")
    with pytest.raises(DataError, match="holds no word"):
        prepared(tmp_path, "\n \n")
    (tmp_path / "b.conll").write_bytes(b"caf\xe9 O\n")
    with pytest.raises(DataError, match="UTF-8"):
        rows_of({"b.conll": tmp_path / "b.conll"}, config())
    with pytest.raises(DataError, match=r"must end in one of \.conll"):
        add_dataset(tmp_path / "b.parquet", tmp_path, task="tokens")
    with pytest.raises(DataError, match=r"is a folder\. Give a CoNLL file"):
        add_dataset(tmp_path, tmp_path, name="x", task="tokens")


def test_configurations():
    written = dump_config(config(features={"kind": "lemma"}, bio={"repair": True}))
    assert "budgets" not in written
    assert "kind: lemma" in written
    assert config().budgets == [0.10, 0.25, 0.50]
    assert (config().training.epochs, config().training.learning_rate) == (2, 3e-4)
    assert config().adaptation is None
    assert config(adaptation={}).adaptation.epochs == 10
    assert "adaptation: {}" in dump_config(config(adaptation={}))
    for said, message in [
        ({"columns": {"text": "x"}}, "write tokens and tags"),
        ({"columns": {"label": "x"}}, "types of a sentence's spans are its label"),
        ({"task": "text", "columns": {"text": "a", "label": "b"}, "bio": {"repair": True}}, "bio"),
        ({"training": {"warm_start": True}}, "taggers are always fine-tuned anew"),
        ({"training": {"family": "tree"}}, "the task tokens fine-tunes its encoder"),
        ({"evaluation": {"learner": "tree"}}, "task tokens fine-tunes its encoder on each subset"),
        ({"features": {"kind": "word"}}, "features.kind"),
        ({"adaptation": {"held_out": 1.0}}, "adaptation.held_out"),
        ({"uncertainty": {"sample_rows": 0}}, "uncertainty.sample_rows"),
        ({"task": "text", "columns": {"text": "a", "label": "b"}, "adaptation": {}}, "remove it"),
    ]:
        with pytest.raises(ConfigError, match=message):
            config(**said)


def test_add_refuses_ill_formed_tags_and_repairs_them(tmp_path):
    source = tmp_path / "notes.bio"
    source.write_text(GOOD + "Also O\nwrong I-person\n", encoding="utf-8")
    arguments = ["add", str(source), "--task", "tokens", "--datasets", str(tmp_path / "d")]
    refused = CliRunner().invoke(app, arguments, env={"COLUMNS": "300"})
    assert refused.exit_code == 2
    line = source.read_text().split("\n").index("wrong I-person") + 1
    assert f"notes.bio, line {line}: At 'wrong' the tag 'I-person'" in refused.stderr
    assert "--repair" in refused.stderr
    assert not (tmp_path / "d").exists()
    done = CliRunner().invoke(app, [*arguments, "--repair"], env={"COLUMNS": "300"})
    assert done.exit_code == 0, done.stderr
    assert "person 21" in done.stdout
    assert load_config(tmp_path / "d" / "notes").bio.repair


def test_add_names_what_a_jsonl_file_calls_its_lists(tmp_path):
    source = tmp_path / "notes.jsonl"
    rows = [{"w": ["Ada", str(i)], "t": ["B-p", "O"]} for i in range(30)]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    more = {"tokens": "w", "tags": "t"}
    made = add_dataset(source, tmp_path / "d", task="tokens", more_columns=more)
    assert made.classes == {"p": 30}
    assert load_config(made.folder).columns.tokens == "w"
    with pytest.raises(ConfigError, match="two meanings"):
        add_dataset(source, tmp_path / "e", task="tokens", more_columns={**more, "tags": "w"})


def test_exported_sentences_can_be_added_again(tmp_path):
    instances = prepared(tmp_path, GOOD).instances
    exported = TASK.rows.restore(instances.select(["instance_id", "text", "label"]))
    assert exported.column_names == ["instance_id", "tokens", "tags", "label"]
    source = tmp_path / "kept.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in exported.to_pylist()))
    again = add_dataset(source, tmp_path / "d", task="tokens", id_column="instance_id")
    chosen = load_config(again.folder)
    found = prepare(rows_of({"kept.jsonl": source}, chosen), chosen).instances
    names = ["instance_id", "content_hash", "text", "label", "split"]
    assert found.select(names).equals(instances.select(names))
