import json
import shutil
from pathlib import Path

import pytest
import torch

from sluice.core.errors import ConfigError
from sluice.language.checkpoint import CausalModel


@pytest.fixture
def copy(tiny_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_folder, tmp_path / "copy"))


def test_it_loads_in_eval_mode_as_asked(tiny_folder):
    loaded = CausalModel(tiny_folder, dtype="bfloat16", device="cpu").load()
    assert loaded.model.dtype == torch.bfloat16
    assert not loaded.model.training
    assert loaded.tokenizer.chat_template
    assert CausalModel(tiny_folder, device="cpu").load().model.dtype == torch.float32


def test_identity_is_of_content_and_dtype(tiny_folder, copy):
    first = CausalModel(tiny_folder, device="cpu").identity
    assert CausalModel(copy, device="cpu").identity == first
    assert CausalModel(copy, dtype="float32", device="cuda").identity == first
    # what "auto" is on CUDA
    on_cuda = CausalModel(copy, device="cuda").identity
    assert on_cuda == CausalModel(copy, dtype="bfloat16", device="cpu").identity != first


@pytest.mark.parametrize(
    "name", ["chat_template.jinja", "config.json", "tokenizer.json", "model.safetensors"]
)
def test_identity_follows_every_file_that_matters(tiny_folder, copy, name):
    first = CausalModel(tiny_folder, device="cpu").identity
    with (copy / name).open("ab") as file:
        file.write(b" ")
    assert CausalModel(copy, device="cpu").identity != first
    (copy / "README.md").write_text("no matter")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["tokenizer.json"], r"has no tokenizer .*tokenizer\.save_pretrained"),
        (["model.safetensors"], "holds no weights"),
        (["config.json"], r"no config\.json"),
    ],
)
def test_a_folder_that_lacks_a_part_is_refused(copy, names, message):
    for name in names:
        (copy / name).unlink()
    with pytest.raises(ConfigError, match=message):
        CausalModel(copy)


def test_another_kind_of_model_is_refused(copy):
    config = json.loads((copy / "config.json").read_text())
    config["architectures"] = ["LlamaForSequenceClassification"]
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(ConfigError, match="LlamaForSequenceClassification, which is not a causal"):
        CausalModel(copy)


def test_weights_that_are_missing_are_not_made_up(copy):
    from safetensors.torch import load_file, save_file

    weights = load_file(copy / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ConfigError, match=r"lacks 1 weights .*up_proj"):
        CausalModel(copy, device="cpu").load()


def test_a_broken_weight_file_is_an_error_that_names_the_folder(copy):
    (copy / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ConfigError, match=r"copy.*could not be loaded"):
        CausalModel(copy, device="cpu").load()


def test_names_that_mean_nothing_are_refused(tiny_folder, tmp_path):
    with pytest.raises(ConfigError, match="Unknown dtype 'int8'"):
        CausalModel(tiny_folder, dtype="int8")
    with pytest.raises(ConfigError, match="Unknown device 'tpu'"):
        CausalModel(tiny_folder, device="tpu")
    with pytest.raises(ConfigError, match="does not exist"):
        CausalModel(tmp_path / "none")
    with pytest.raises(ConfigError, match="neither a folder here nor a model"):
        CausalModel("nobody/no-such-model")


def test_files_that_change_between_their_digest_and_loading_are_refused(copy):
    model = CausalModel(copy, device="cpu")
    assert model.identity
    with (copy / "config.json").open("ab") as file:
        file.write(b" ")
    with pytest.raises(ConfigError, match="changed while it was loaded"):
        model.load()
    assert CausalModel(copy, device="cpu").load().tokenizer
