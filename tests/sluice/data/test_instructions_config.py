from __future__ import annotations

from pathlib import Path

import pytest

from sluice.core.errors import ConfigError
from sluice.data.config import dump_config, load_config

LEAST = "task: instructions\nfiles: [a.jsonl]\n"


def load(folder: Path, content: str):
    (folder / "dataset.yaml").write_text(content, encoding="utf-8")
    return load_config(folder)


def test_defaults(tmp_path):
    config = load(tmp_path, LEAST)
    assert (config.budgets, config.chosen_budget) == ([0.05, 0.10], 0.10)
    training = config.training
    assert (training.epochs, training.learning_rate, training.max_length) == (1, 2e-4, 512)
    assert training.batch_size == 16
    model = config.language_model
    assert (model.model, model.max_length, model.dtype, model.max_tokens) == (
        None, 512, "auto", 2048,
    )  # fmt: skip
    noise = config.noisy_copies
    assert (noise.copies, noise.noise, noise.seed, noise.tokens) == (3, 5.0, 0, 0.5)
    gradients = config.gradients
    assert (gradients.dimension, gradients.rank, gradients.refit_drift) == (2048, 8, 0.2)
    assert (gradients.warmup_rows, gradients.validation_rows, gradients.formula) == (64, 64, "less")
    tagging = config.tagging
    assert (tagging.phrases, tagging.min_rows, tagging.language) == (5, 2, "en")
    assert (config.columns.form, config.columns.special) == ({}, {})
    assert dump_config(config).splitlines()[2:] == ["task: instructions", "files:", "- a.jsonl"]


def test_defaults_of_other_tasks_are_as_they_were(tmp_path):
    config = load(tmp_path, "task: text\nfiles: [a.csv]\ncolumns: {text: t, label: y}\n")
    assert config.budgets == [0.01, 0.02, 0.05, 0.10, 0.20]
    assert (config.training.epochs, config.training.max_length) == (3, 128)


@pytest.mark.parametrize(
    "more",
    [
        "training: {epochs: 3}",
        "training: {learning_rate: 1e-4, max_length: 128}",
        "training: {epochs: 1, batch_size: 4}",
        "budgets: [0.01, 0.02, 0.05, 0.1, 0.2]",
        "budgets: [0.05, 0.1]",
        "columns: {messages: m, family: f, tags: t, quality: q, id: i, group: g, split: s}",
        "columns: {instruction: a, output: b}\nsplit: {by: folder}",
        "neighbours: {copies: 30, noise: 2.0}\nencoder: {model: /m}\n"
        "language_model: {model: /lm, dtype: bfloat16}\ntagging: {phrases: 9}\n"
        "gradients: {formula: corrected}",
    ],
)
def test_what_is_written_is_read(tmp_path, more):
    config = load(tmp_path, LEAST + more + "\n")
    assert load(tmp_path, dump_config(config)) == config


def test_a_given_default_of_another_task_is_kept(tmp_path):
    config = load(tmp_path, LEAST + "training: {epochs: 3}\n")
    assert (config.training.epochs, config.training.learning_rate) == (3, 2e-4)
    assert "epochs: 3" in dump_config(config)


def test_a_family_is_the_label_of_its_row(tmp_path):
    columns = load(tmp_path, LEAST + "columns: {family: f, messages: m}\n").columns
    assert columns.special == {"label": "f"}
    assert columns.form == {"messages": "m"}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (
            "columns: {label: y}",
            "columns: has label, which the task instructions does not read; wr",
        ),
        (
            "columns: {text: t}",
            "columns: has text, which the task instructions does not read; writ",
        ),
        ("columns: {features: [a]}", "columns: has features, which the task instructions does not"),
        ("columns: {prompt: p}", "columns: has prompt without response; name that column, too."),
        ("columns: {input: i}", "columns: has input without instruction"),
        (
            "columns: {messages: m, prompt: p}",
            "columns: names messages and prompt, which are of two forms; name messages, or",
        ),
        ("columns: {prompt: p, response: p}", "columns: gives the column 'p' two meanings"),
        ("columns: {messages: m, tags: m}", "columns: gives the column 'm' two meanings"),
        ("columns: {message: m}", "columns.message: unknown key. Did you mean messages?"),
        ("columns: {split: s}\nsplit: {by: folder}", "has columns.split and split.by, which both"),
        ("encoding: {hash_above: 9}", "has encoding, which is for the task tabular; write encoder"),
        ("training: {family: tree}", "the task instructions fine-tunes its language model"),
        ("training: {warm_start: true}", "has training.warm_start, which is for the task text"),
        (
            "evaluation: {learner: tree}",
            "has evaluation.learner, which is for the tasks tabular and",
        ),
        ("language_model: {max_length: 8}", "language_model.max_length: 8 is not valid"),
        ("language_model: {dtype: float16}", "language_model.dtype: 'float16' is not valid"),
        ("neighbours: {tokens: 0}", "neighbours.tokens: 0 is not valid; it should be greater than"),
        ("neighbours: {noise: .nan}", "neighbours.noise: nan is not valid"),
        ("gradients: {formula: lesss}", "gradients.formula: 'lesss' is not valid"),
        ("tagging: {phrases: 0}", "tagging.phrases: 0 is not valid"),
        ("training: 3", "training: 3 is not valid; it should hold keys and values"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, more, expected):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, LEAST + more + "\n")
    assert expected in str(caught.value)
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("section", ["language_model", "neighbours", "gradients", "tagging"])
def test_sections_of_this_task_are_refused_elsewhere(tmp_path, section):
    key = {"language_model": "model: x", "neighbours": "seed: 1", "gradients": "rank: 2"}
    given = f"{section}: {{{key.get(section, 'phrases: 2')}}}\n"
    with pytest.raises(ConfigError, match=f"has {section}, which is for the tasks? .*instruct"):
        load(tmp_path, "task: tabular\nfiles: [a.csv]\ncolumns: {label: y}\n" + given)


@pytest.mark.parametrize("key", ["messages", "input", "family", "tags", "quality"])
def test_columns_of_this_task_are_refused_elsewhere(tmp_path, key):
    given = f"task: text\nfiles: [a.csv]\ncolumns: {{text: t, label: y, {key}: z}}\n"
    with pytest.raises(ConfigError, match=f"has {key}, which the task text does not read"):
        load(tmp_path, given)
