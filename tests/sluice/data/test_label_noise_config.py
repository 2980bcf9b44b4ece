"""What `label_noise` in a `dataset.yaml` says, and that no key of a service gets into it."""

import dataclasses
from pathlib import Path

import pytest

from sluice.core.errors import ConfigError
from sluice.data.config import DatasetConfig, dump_config, load_config
from sluice.noise.endpoint import Endpoint
from sluice.tasks.text.label_noise import LabelNoise, Service

LEAST = "task: text\nfiles: [a.csv]\ncolumns: {text: t, label: y}\n"
WHERE = "base_url: 'http://localhost:8000/v1', model: small"
KEY = "sk-very-secret"


def config(folder: Path, more: str, least: str = LEAST) -> DatasetConfig:
    (folder / "dataset.yaml").write_text(least + more + "\n")
    return load_config(folder)


def test_what_is_said_and_what_is_not(tmp_path: Path) -> None:
    assert config(tmp_path, "").label_noise is None
    assert config(tmp_path, "label_noise: {}").label_noise == LabelNoise()
    said = config(tmp_path, "label_noise: {threshold: 0, rows: 9, kind: review}").label_noise
    assert said == LabelNoise(threshold=0.0, rows=9, kind="review")
    whole = config(
        tmp_path, f"label_noise: {{generator: endpoint, endpoint: {{{WHERE}, key_variable: K}}}}"
    )
    assert whole.label_noise is not None
    assert whole.label_noise.endpoint == Service(
        base_url="http://localhost:8000/v1", model="small", key_variable="K"
    )
    assert config(tmp_path, "", dump_config(whole)) == whole
    model = config(tmp_path, "label_noise: {generator: rewriting}\nlanguage_model: {model: /lm}")
    assert model.language_model.model == "/lm"


def test_a_service_takes_what_the_client_takes() -> None:
    mine = {name: field.default for name, field in Service.model_fields.items()}
    its = {f.name: f.default for f in dataclasses.fields(Endpoint)}
    required = {"base_url", "model"}
    assert {k: v for k, v in mine.items() if k not in required} == {
        k: v for k, v in its.items() if k not in required
    }
    assert mine.keys() == its.keys()


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("{threshold: 1}", "label_noise.threshold: 1 is no threshold of a cosine; write mixture"),
        ("{threshold: precision}", "'precision' is no threshold of a cosine"),
        ("{threshold: true}", "True is no threshold of a cosine"),
        ("{rows: 0}", "label_noise.rows: 0 is not valid"),
        ("{generator: nearest}", "it should be 'nearest_instance', 'rewriting' or 'endpoint'"),
        ("{generator: endpoint}", "has generator endpoint and does not say where"),
        (f"{{endpoint: {{{WHERE}}}}}", "has endpoint, which generator nearest_instance does not"),
        (
            "{generator: endpoint, endpoint: {base_url: 'ftp://x', model: m}}",
            "label_noise.endpoint: describes no service that can be asked: base_url is 'ftp://x'",
        ),
        (f"{{generator: endpoint, endpoint: {{{WHERE}, attempts: 0}}}}", "must be above 0"),
        (f"{{generator: endpoint, endpoint: {{{WHERE}, key_variable: {KEY}}}}}", "put the key int"),
        (f"{{generator: endpoint, endpoint: {{{WHERE}, api_key: {KEY}}}}}", "api_key: unknown key"),
        (
            f"{{generator: endpoint, endpoint: {{base_url: 'http://me:{KEY}@h/v1', model: m}}}}",
            "base_url holds a password",
        ),
    ],
)
def test_what_is_wrong_is_said_without_a_key(tmp_path: Path, said: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config(tmp_path, f"label_noise: {said}")
    assert expected in str(caught.value)
    assert KEY not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 2


def test_where_it_is_not_for(tmp_path: Path) -> None:
    table = "task: tabular\nfiles: [a.csv]\ncolumns: {label: y}\n"
    with pytest.raises(ConfigError, match="has label_noise, which is for the task text"):
        config(tmp_path, "label_noise: {}", table)
    with pytest.raises(ConfigError, match="reads for label_noise with generator: rewriting alone"):
        config(tmp_path, "language_model: {model: /lm}\nlabel_noise: {}")
