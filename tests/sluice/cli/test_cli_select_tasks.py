"""`sluice select` on instructions and on tagged sentences."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tagged_sentences import sentences
from tiny_bert import tiny_bert
from typer.testing import CliRunner

import sluice
from sluice.cli import app
from sluice.data.ingest.raw import read_file

LISTS = ["--tokens-column", "prompt", "--tags-column", "response"]
PAIRS = [
    {"name": f"r{i}", "prompt": f"Count to {i}.", "response": " ".join(map(str, range(i))),
     "kind": "even" if i % 2 else "odd", "worth": i % 5}
    for i in range(1, 31)
]  # fmt: skip


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pairs") / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in PAIRS))
    return path


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("encoder") / "bert")


def select(file: Path, task: str, method: str, *more: object, budget: object = 5):
    options = ["select", file, "--task", task, "--method", method, "--budget", budget, *more]
    return CliRunner().invoke(app, list(map(str, options)), env={"COLUMNS": "200"})


@pytest.mark.parametrize("method", ["mig", "dac", "t_shirt", "bids"])
def test_instructions_keep_their_columns(method, pairs, encoder, tiny_folder, tmp_path):
    out = tmp_path / "kept.parquet"
    named = ["--id-column", "name", "--family-column", "kind", "--quality-column", "worth"]
    given = ["--encoder", encoder, "--language-model", tiny_folder]
    result = select(pairs, "instructions", method, *named, *given, "--out", out)
    assert result.exit_code == 0, result.stderr
    kept = pq.read_table(out).to_pylist()
    assert [list(row)[:5] for row in kept] == [list(PAIRS[0])] * 5
    assert all({key: row[key] for key in PAIRS[0]} in PAIRS for row in kept)
    assert "usable by class" in result.stdout
    expected = sluice.select(
        PAIRS,
        [row["kind"] for row in PAIRS],
        task="instructions",
        method=method,
        budget=5,
        ids=[row["name"] for row in PAIRS],
        settings={"encoder": {"model": str(encoder)}, "columns": {"quality": "worth"}},
        language_model=tiny_folder,
    )
    assert [row["name"] for row in kept] == expected.ids.tolist()


def test_rows_to_validate_on_may_be_a_file(pairs, tiny_folder, tmp_path):
    served = tmp_path / "served.jsonl"
    served.write_text('{"prompt": "Count to 40.", "response": "0 1 2 3"}\n' * 2)
    more = ["--language-model", tiny_folder, "--validation", served, "--out", tmp_path / "k.jsonl"]
    result = select(pairs, "instructions", "bids", *more, budget="100%")
    assert result.exit_code == 0, result.stderr
    assert "30 (100.0% of the usable rows)" in result.stdout
    assert "1 of 2 rows left out: duplicate_row 1" in result.stderr


@pytest.mark.parametrize("kind", ["conll", "jsonl"])
@pytest.mark.parametrize("method", ["t_frex", "random_stratified"])
def test_tagged_sentences(method, kind, encoder, tmp_path):
    source, out = tmp_path / f"rows.{kind}", tmp_path / "kept.jsonl"
    rows = [{"tokens": [w for w, _ in each], "tags": [t for _, t in each], "from": number}
            for number, each in enumerate(sentences())]  # fmt: skip
    if kind == "conll":
        blocks = ("".join(f"{word}\t{tag}\n" for word, tag in each) for each in sentences())
        source.write_text("\n".join(blocks) + "\nalone\n")
    else:
        lines = [*map(json.dumps, rows[:3]), "", *map(json.dumps, [{"from": 99}, *rows[3:]])]
        source.write_text("\n".join(lines))
    result = select(source, "tokens", method, "--encoder", encoder, "--out", out)
    assert result.exit_code == 0, result.stderr
    assert "1 of 81 rows left out" in result.stderr
    kept = read_file(out).to_pylist()
    expected = sluice.select(
        rows, task="tokens", method=method, budget=5,
        settings={"encoder": {"model": str(encoder)}},
    )  # fmt: skip
    for row, place in zip(kept, expected.ids.tolist(), strict=True):
        assert (row["tokens"], row["tags"]) == (rows[place]["tokens"], rows[place]["tags"])
        assert row.get("from", place) == place


@pytest.mark.parametrize(
    ("task", "method", "more", "expected"),
    [
        ("instructions", "t_frex", [], "t_frex is no method of the task instructions: give --task"),
        ("instructions", "k_center", ["--text-column", "prompt"], "has text, which the task"),
        ("instructions", "k_center", ["--prompt-column", "prompt"], "has prompt without response"),
        ("instructions", "ifd_top", ["--language-model", "no/such"], "no/such"),
        ("instructions", "ifd_top", ["--validation", "no.jsonl"], "no.jsonl"),
        ("tokens", "t_frex", ["--language-model", "x"], "--language-model is not for the task"),
        ("tokens", "t_frex", ["--label-column", "kind"], "has label, which the task tokens"),
        ("tokens", "t_frex", LISTS, "Check that each word has a BIO tag."),
    ],
)
def test_what_is_wrong_is_one_message(task, method, more, expected, pairs):
    result = select(pairs, task, method, *more)
    assert result.exit_code == 2
    assert expected in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr


def test_tags_may_be_repaired(encoder, tmp_path):
    source = tmp_path / "rows.conll"
    source.write_text("a O\nb I-x\n\nc B-x\n\nd O\n")
    result = select(source, "tokens", "t_frex", "--encoder", encoder, "--repair", budget=2)
    assert result.exit_code == 0, result.stderr
    assert "repaired_tags: 1 tags of 1 sentences" in result.stderr
