from __future__ import annotations

from pathlib import Path

import pytest

from sluice.core.errors import ConfigError
from sluice.data.config import dump_config, load_config

LEAST = "task: tabular\nfiles: [a.csv]\ncolumns: {label: y}\n"


def load(folder: Path, content: str):
    (folder / "dataset.yaml").write_text(content, encoding="utf-8")
    return load_config(folder)


def test_defaults(tmp_path):
    config = load(tmp_path, LEAST)
    assert (config.columns.features, config.columns.types) == (None, {})
    assert (config.encoding.categorical, config.encoding.refit_drift) == ("one_hot", 0.5)
    assert (config.encoding.hash_above, config.encoding.hash_buckets) == (64, 64)
    assert config.options == {}
    assert config.evaluation.learner is None
    assert config.training.family is None


def test_everything_of_a_table(tmp_path):
    config = load(
        tmp_path,
        "task: tabular\nfiles: [a.csv]\n"
        "columns: {label: y, features: [a, b], types: {a: categorical, b: date}, id: i}\n"
        "encoding: {categorical: ordinal, hash_above: 9, hash_buckets: 8, refit_drift: 1}\n"
        "selectors: [gais, enn, k_medoids]\n"
        "options: {gais: {graph: hash, networks: 2}, enn: {n_neighbors: 5}}\n"
        "evaluation: {learner: tree}\ntraining: {family: gradient_boosting}\n",
    )
    assert config.options == {"gais": {"graph": "hash", "networks": 2}, "enn": {"n_neighbors": 5}}
    assert config.columns.special == {"label": "y", "id": "i"}
    again = load(tmp_path, dump_config(config))
    assert again == config


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("columns: {text: t, label: y}", "columns: has text, which the task tabular does not read"),
        ("columns: {features: [a]}", "columns: lacks label; name the column"),
        ("columns: {label: y, features: []}", "columns.features: [] is not valid; it should hold"),
        ("columns: {label: y, features: [a, a]}", "names 'a' twice; remove one."),
        ("columns: {label: y, features: [a, y]}", "gives the column 'y' two meanings"),
        ("columns: {label: y, features: [a], types: {b: date}}", "gives a type to the column 'b'"),
        (
            "columns: {label: y, types: {y: numeric}}",
            "gives a type to the column 'y', which is not",
        ),
        ("columns: {label: y, types: {a: int}}", "columns.types.a: 'int' is not valid; it should"),
        ("encoding: {categorical: dummy}", "'dummy' is not valid; it should be 'one_hot' or 'ord"),
        ("encoding: {hash_buckets: 1}", "encoding.hash_buckets: 1 is not valid"),
        ("encoding: {refit_drift: -1}", "encoding.refit_drift: -1 is not valid"),
        (
            "encoder: {model: x}",
            "has encoder, which is for the tasks instructions, text and tokens; write",
        ),
        ("training: {warm_start: true}", "has training.warm_start, which is for the task text"),
        ("training: {family: trees}", "Unknown family 'trees'. Did you mean tree?"),
        ("selectors: [margin]", "margin is for text and not for tabular. Known: all_knn, ccs"),
        ("options: {density: {}}", "density is for text and not for tabular"),
        ("options: {enn: {k: 3}}", "Unknown option of enn 'k'."),
        ("options: {gais: {graph: {a: 1}}}", "gives gais.graph the value {'a': 1}; write a num"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, more, expected):
    key = more.partition(":")[0]
    kept = "".join(line + "\n" for line in LEAST.splitlines() if not line.startswith(f"{key}:"))
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, kept + more)
    assert expected in str(caught.value)
    assert len(str(caught.value).splitlines()) == 2
