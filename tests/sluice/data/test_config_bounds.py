"""What a dataset.yaml may hold at most: anything else is one sentence, at once."""

import os
import time
from pathlib import Path

import pytest

from sluice.core.errors import ConfigError
from sluice.data.config import check_folder_name, load_config, parse_config

LEAST = "task: text\nfiles: [a.csv]\ncolumns: {text: text, label: label}\n"
LAUGHS = "".join(f"    s{i}: &a{i} [" + ",".join([f"*a{i - 1}"] * 10) + "]\n" for i in range(1, 10))
MERGES = "".join(
    f"m{i}: &m{i} {{<<: [" + ",".join([f"*m{i - 1}"] * 9) + "]}\n" for i in range(1, 9)
)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("plots: 2023-13-45\n", "line 4, column 8: '2023-13-45' cannot be read as timestamp"),
        ("plots: !!int abc\n", "'abc' cannot be read as int"),
        ("plots: !!float abc\n", "'abc' cannot be read as float"),
        ("plots: !!bool abc\n", "'abc' cannot be read as bool"),
        ("plots: !!timestamp abc\n", "'abc' cannot be read as timestamp"),
        ("plots: !!int ''\n", "'' cannot be read as int"),
        ("seeds: [" + "9" * 5000 + "]\n", "cannot be read as int"),
        ("seeds: [0x" + "f" * 5000 + "]\n", "a number has more than 64 bits"),
        ("seeds: [" + "9" * 19 + "]\n", r"seeds\[0\]: 9{19} is not valid"),
        ("graph: {k: 99999999999}\n", "graph.k: 99999999999 is not valid"),
        ("budgets: [99999999999]\n", "more than any dataset holds"),
        ("seeds: [" + ",".join(map(str, range(1001))) + "]\n", "seeds: .* at most 1000"),
        ("seeds: [" + ",".join(map(str, range(100_000))) + "]\n", "more than 20,000 values"),
        ("options: " + "[" * 3000 + "]" * 3000 + "\n", "more than 32 deep"),
        ("options: " + "{a: " * 1500 + "1" + "}" * 1500 + "\n", "more than 32 deep"),
        ("options: &a {x: *a}\n", "an alias stands for a value that it is part of"),
        ("options: &b {<<: [*b]}\n", "an alias stands for a value that it is part of"),
        ("options:\n  k:\n    s: &a0 [1,1,1,1,1,1,1,1,1]\n" + LAUGHS, "more than 20,000 values"),
        ("m0: &m0 {a: 1, b: 2}\n" + MERGES, "more than 20,000 values"),
        ("? [a, b]\n: 1\n", "a key is no text"),
        ("? {a: *x}\n: 1\n", "undefined alias"),
        ('encoder: {model: "a\\0b"}\n', "holds NUL"),
        ('encoder: {model: "\\uD800"}\n', "half of a surrogate pair"),
        ("encoder: {model: \x07}\n", "special characters are not allowed"),
        ("evaluation: {most_hours: .inf}\n", "should be a finite number"),
        ("training: {learning_rate: .nan}\n", "should be a finite number"),
        ("options: {k_center: {spread: .nan}}\n", "spread"),
        ("1: 2\n", "not valid"),
        ("[a]: 2\n", "a key is no text"),
        ("graph: [" + "1," * 50 + "]\n", "graph: .* should hold keys and values"),
        ("#" + "x" * (1 << 20), "more than 1 MiB, which is the limit"),
    ],
)
def test_no_content_hangs_or_crashes(content: str, expected: str) -> None:
    began = time.process_time()
    with pytest.raises(ConfigError, match=expected) as caught:
        parse_config((LEAST + content).encode(), "dataset.yaml")
    assert time.process_time() - began < 5
    assert len(str(caught.value)) < 2000


def test_many_wrong_keys_are_not_all_listed() -> None:
    wrong = "".join(f"wrong{i}: 1\n" for i in range(5000))
    with pytest.raises(ConfigError, match=r"and 4,980 more\.") as caught:
        parse_config((LEAST + wrong).encode(), "dataset.yaml")
    assert str(caught.value).count("unknown key") == 20


@pytest.mark.parametrize("pattern", ["**/**/**/*.csv", "a" * 1001])
def test_patterns_that_take_for_ever(pattern: str) -> None:
    content = LEAST.replace("a.csv", f"'{pattern}'")
    with pytest.raises(ConfigError, match=r"is too long, or has \*\* twice"):
        parse_config(content.encode(), "dataset.yaml")


def test_anchors_that_repeat_a_little_are_read() -> None:
    content = LEAST + "graph: &g {k: 9}\noptions: {}\nbudgets: &b [0.1, 0.2]\n"
    assert parse_config(content.encode(), "x").graph.k == 9
    merged = LEAST.replace("columns:", "columns: &c") + "split: {<<: {validation: 0.2}}\n"
    assert parse_config(merged.encode(), "x").split.validation == 0.2


def test_thousands_of_columns_are_read() -> None:
    names = ",".join(f"c{i}" for i in range(4000))
    content = f"task: tabular\nfiles: [a.csv]\ncolumns: {{label: y, features: [{names}]}}\n"
    began = time.process_time()
    assert len(parse_config(content.encode(), "x").columns.features or []) == 4000
    assert time.process_time() - began < 5


def test_what_is_no_regular_file_is_never_opened(tmp_path: Path) -> None:
    path = tmp_path / "dataset.yaml"
    os.mkfifo(path)
    with pytest.raises(ConfigError, match="is a named pipe and no regular file"):
        load_config(tmp_path)
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(ConfigError, match="is a device and no regular file"):
        load_config(tmp_path)


@pytest.mark.parametrize(
    "name",
    ["a\nb", "a...b", "a\udcffb", "a\0b", "x" * 201, "a\tb", "", ".", "..", "../reviews",
     "/tmp/reviews", "a/b", "é" * 115],
)  # fmt: skip
def test_names_of_folders_that_no_partition_can_have(name: str) -> None:
    with pytest.raises(ConfigError, match="Rename it") as caught:
        check_folder_name(name)
    str(caught.value).encode()


@pytest.mark.parametrize("name", ["reviews", "My Reviews", "Ünï", "a.b", "..a", "a\\b", "é" * 110])
def test_names_of_folders_that_were_used_before(name: str) -> None:
    check_folder_name(name)
