from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from sluice.core.errors import ConfigError
from sluice.data.config import (
    DatasetConfig,
    check_name,
    dump_config,
    json_schema,
    load_config,
)

DATASETS = Path(__file__).parents[3] / "datasets"
LEAST = "task: text\nfiles: [a.csv]\ncolumns: {text: t, label: y}\n"


def write(folder: Path, content: str) -> Path:
    (folder / "dataset.yaml").write_text(content, encoding="utf-8")
    return folder


def message(folder: Path, content: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(write(folder, content))
    return str(caught.value)


def test_defaults(tmp_path):
    config = load_config(write(tmp_path, LEAST))
    assert config.budgets == [0.01, 0.02, 0.05, 0.10, 0.20]
    assert config.chosen_budget == 0.10
    assert config.seeds == [0, 1, 2, 3, 4]
    assert config.selectors is None
    assert (config.split.validation, config.split.test) == (0.1, 0.1)
    assert (config.graph.k, config.graph.slack) == (15, 15)
    assert config.training.learning_rate == 1e-4
    assert config.limits.max_characters == 100_000


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("budgetz: [1]", "budgetz: unknown key. Did you mean budgets? Known here: task, files"),
        ("training: {epoch: 2}", "training.epoch: unknown key. Did you mean epochs?"),
        ("xyzzy: 1", "xyzzy: unknown key. Remove it."),
        ("files: [/etc/passwd]", "files[0]: '/etc/passwd' leaves the dataset's folder; write"),
        ("files: ['a/../../b.csv']", "files[0]: 'a/../../b.csv' leaves the dataset's folder"),
        ("files: ['C:\\b.csv']", "files[0]: 'C:\\\\b.csv' leaves the dataset's folder"),
        ("files: ['..\\b.csv']", "leaves the dataset's folder"),
        ("files: ['']", "files[0]: '' is empty; write a file name"),
        ("files: []", "files: [] is not valid; it should hold at least one value."),
        ("files: a.csv", "files: 'a.csv' is not valid; it should be a list, such as [a, b]."),
        ("files: [a.csv, a.csv]", "names 'a.csv' twice; remove one."),
        (
            "task: video",
            "task: 'video' is not a known task; known: instructions, tabular, text, tokens.",
        ),
        ("columns: {label: y}", "columns: lacks text; name the column that holds the text."),
        ("columns: {text: t, label: y, features: [a]}", "columns: has features, which the task"),
        ("columns: {text: t, label: y, types: {a: date}}", "columns: has types, which the task"),
        ("selectors: [enn]", "enn is for tabular and not for text. Known: ccs, clean_k_medoids,"),
        ("options: {k_centre: {}}", "Unknown selector 'k_centre'. Did you mean k_center?"),
        ("options: {k_center: {stat: x}}", "Unknown option of k_center 'stat'. Did you mean start"),
        ("options: {k_center: {start: {}}}", "gives k_center.start the value {}; write a number"),
        ("options: {k_center: 3}", "options.k_center: 3 is not valid; it should hold keys and"),
        ("evaluation: {learner: forest}", "Unknown family 'forest'. Did you mean random_forest?"),
        ("training: {family: svm}", "the file: has training.family, which is for the task tabular"),
        ("encoding: {hash_above: 9}", "the file: has encoding, which is for the task tabular"),
        ("columns: {text: t}", "columns: lacks label; name the column that holds the class."),
        (
            "columns: {text: t, label: no}",
            "columns.label: False is not valid; it should be text, so put it in quotes.",
        ),
        ("columns: {text: t, label: t}", "columns: gives the column 't' two meanings"),
        ("columns: [t, y]", "columns: ['t', 'y'] is not valid; it should hold keys and values."),
        ("split: {validation: 0.6, test: 0.5}", "split: leaves no row to train on; make"),
        ("split: {validation: 0}", "split.validation: 0 is not valid; it should be greater than 0"),
        ("budgets: [0.1, 5.0]", "budgets[1]: 5.0 is not a share between 0 and 1; write a count"),
        ("budgets: [0.1, 0]", "budgets[1]: 0 keeps no row; write a count of at least 1"),
        ("budgets: [0.1, true]", "budgets[1]: True is not a number; write a count such as 500"),
        ("budgets: [0.1, 0.1]", "names 0.1 twice; remove one."),
        ("budgets: [5, 6]", "chosen_budget 0.1, which is not among budgets [5, 6]; add it there"),
        ("seeds: [-1]", "seeds[0]: -1 is not valid; it should be greater than or equal to 0."),
        ("graph: {k: 1.5}", "graph.k: 1.5 is not valid; it should be a whole number."),
        ("training: {enabled: 1}", "training.enabled: 1 is not valid; it should be true or false."),
        ("selectors: [k_centre]", "Unknown selector 'k_centre'. Did you mean k_center?"),
        ("evaluation: {folds: 1}", "evaluation.folds: 1 is not valid; it should be greater than"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, more, expected):
    key = more.partition(":")[0]
    kept = "".join(line + "\n" for line in LEAST.splitlines() if not line.startswith(f"{key}:"))
    said = message(tmp_path, kept + more)
    assert said.startswith(f"{tmp_path / 'dataset.yaml'} is not valid.\n")
    assert expected in said
    assert len(said.splitlines()) == 2


def test_every_problem_is_in_one_message(tmp_path):
    said = message(tmp_path, "task: text\nfiles: [3]\ncolumns: {text: t, label: y, idd: x}\n")
    assert "files[0]: 3" in said
    assert "columns.idd: unknown key. Did you mean id?" in said


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "must hold keys and values, at least task, files and columns; it holds nothing"),
        ("- a", "it holds ['a']"),
        ("task: [", "is not valid YAML: line 1, column 8"),
        ("task: text\ntask: text", "line 2, column 1: the key 'task' appears twice; remove one."),
        ("a: \x07", "is not valid YAML"),
    ],
)
def test_broken_yaml(tmp_path, content, expected):
    assert expected in message(tmp_path, content)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigError, match=r"does not exist. Write one, or make a dataset"):
        load_config(tmp_path)
    (tmp_path / "dataset.yaml").write_bytes(b"task: \xff")
    with pytest.raises(ConfigError, match="is not UTF-8 at byte 6"):
        load_config(tmp_path)
    (tmp_path / "dataset.yaml").unlink()
    (tmp_path / "dataset.yaml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_config(tmp_path)


def test_numbers_with_an_exponent_are_numbers(tmp_path):
    config = load_config(write(tmp_path, LEAST + "training: {learning_rate: 2e-5}\n"))
    assert config.training.learning_rate == 2e-5


def test_known_selectors_pass(tmp_path):
    config = load_config(write(tmp_path, LEAST + "selectors: [k_center, margin]\n"))
    assert config.selectors == ["k_center", "margin"]


NAME = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)


@given(
    columns=st.lists(
        NAME | st.sampled_from(["1e5", "no", "1.0", "null", "~"]),
        min_size=5,
        max_size=5,
        unique=True,
    ),
    budgets=st.lists(st.integers(1, 999) | st.floats(0.001, 0.999), min_size=1, unique=True),
    rate=st.floats(1e-9, 1),
    epochs=st.integers(1, 9),
)
@settings(max_examples=60, deadline=None)
def test_dumping_and_loading_gives_the_same(tmp_path_factory, columns, budgets, rate, epochs):
    names = dict(zip(("text", "label", "id", "group", "split"), columns, strict=True))
    config = DatasetConfig.model_validate(
        {
            "task": "text",
            "files": ["a.csv"],
            "columns": names,
            "budgets": budgets,
            "chosen_budget": budgets[0],
            "training": {"learning_rate": rate, "epochs": epochs},
        }
    )
    folder = tmp_path_factory.mktemp("round")
    assert load_config(write(folder, dump_config(config))) == config


def test_dump_holds_only_what_differs(tmp_path):
    written = dump_config(load_config(write(tmp_path, LEAST + "graph: {k: 9, slack: 15}\n")))
    lines = [line for line in written.splitlines() if not line.startswith("#")]
    assert lines == [
        "task: text",
        "files:",
        "- a.csv",
        "columns:",
        "  text: t",
        "  label: y",
        "graph:",
        "  k: 9",
    ]
    assert written.startswith("# ")


def test_every_field_is_described_and_nothing_else_is_accepted():
    todo: list[type[BaseModel]] = [DatasetConfig]
    seen = 0
    while todo:
        model = todo.pop()
        assert model.model_config.get("extra") == "forbid"
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name}"
            seen += 1
            kind = field.annotation
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                todo.append(kind)
    assert seen > 30


def test_the_committed_schema_is_current():
    committed = json.loads((DATASETS / "dataset.schema.json").read_text(encoding="utf-8"))
    assert committed == json_schema(), (
        "run: python -m sluice.data.config > datasets/dataset.schema.json"
    )


@pytest.mark.parametrize("name", ["a", "0", "vader_tweets", "a-b", "a" * 64])
def test_names_that_pass(name):
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "_a", "-a", "A", "a,b", "a.b", "a b", "ä", "a" * 65, "a\n"])
def test_names_that_do_not(name):
    with pytest.raises(ConfigError, match="cannot name a dataset: use 1 to 64 of the characters"):
        check_name(name)
