"""Model folders that bring Python code: it never runs, and nobody is asked whether it may."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_bert import tiny_bert
from tiny_language_model import save_tiny_model
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
)

from sluice.core.errors import ConfigError
from sluice.encoders.pretrained import pretrained
from sluice.encoders.text import TextEncoder
from sluice.language.checkpoint import CausalModel

AUTO = ("AutoConfig", "AutoModel", "AutoModelForCausalLM", "AutoModelForTokenClassification")


def bring_code(folder: Path, name: str, **changes: Any) -> Path:
    """Let a JSON file of a folder name code that leaves a file behind; return that file."""
    ran = folder / "ran"
    (folder / "evil.py").write_text(f"open({str(ran)!r}, 'w')\nclass Evil: pass\n")
    settings = json.loads((folder / name).read_text())
    tokenizers = {"AutoTokenizer": ["evil.Evil", "evil.Evil"]}
    own = tokenizers if "tokenizer" in name else dict.fromkeys(AUTO, "evil.Evil")
    (folder / name).write_text(json.dumps({**settings, **changes, "auto_map": own}))
    return ran


@pytest.mark.parametrize(
    "auto",
    [AutoConfig, AutoModel, AutoModelForSequenceClassification, AutoModelForTokenClassification],
)
def test_a_model_of_its_own_is_refused(tmp_path: Path, auto: Any) -> None:
    folder = tiny_bert(tmp_path / "m")
    ran = bring_code(folder, "config.json", model_type="evil")
    with pytest.raises(ConfigError, match="never runs code of a model folder"):
        pretrained(auto, folder)
    assert not ran.exists()


def test_a_tokenizer_of_its_own_is_left_alone_or_refused(tmp_path: Path) -> None:
    folder = tiny_bert(tmp_path / "m")
    ran = bring_code(folder, "tokenizer_config.json", tokenizer_class="EvilTokenizer")
    assert pretrained(AutoTokenizer, folder)("play")["input_ids"]
    bring_code(folder, "config.json", model_type="evil")
    with pytest.raises(ConfigError, match="never runs code of a model folder"):
        pretrained(AutoTokenizer, folder)
    assert not ran.exists()


@pytest.mark.parametrize(
    "use", [lambda f: TextEncoder(f).encode(["a"]), lambda f: CausalModel(f).load()]
)
def test_no_door_runs_it(tmp_path: Path, use: Callable[[Path], object]) -> None:
    folder = save_tiny_model(tmp_path / "m")
    ran = bring_code(folder, "config.json", model_type="evil", architectures=["EvilForCausalLM"])
    with pytest.raises(ConfigError, match="never runs code of a model folder"):
        use(folder)
    assert not ran.exists()


def test_a_known_model_is_read_without_the_code_beside_it(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "m")
    ran = bring_code(folder, "config.json")
    assert pretrained(AutoModelForCausalLM, folder).config.model_type == "llama"
    assert not ran.exists()


class Evil:
    def __init__(self, ran: Path) -> None:
        self.ran = ran

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.ran,)


def test_weights_that_would_run_code_are_refused(tmp_path: Path) -> None:
    folder, ran = tmp_path / "bert", tmp_path / "ran"
    tiny_bert(folder)
    for weights in folder.glob("*.safetensors"):
        weights.unlink()
    torch.save({"a": Evil(ran)}, folder / "pytorch_model.bin")
    with pytest.raises(ConfigError, match="holds more than tensors"):
        TextEncoder(model=str(folder), device="cpu").encode(["x"])
    assert not ran.exists()
