"""A causal language model as a folder: what it is, and how it comes into memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sluice.core.errors import ConfigError
from sluice.encoders.device import check_device, pick_device, quiet_loading
from sluice.encoders.folder import changed, files_digest, read_json, resolve_model
from sluice.encoders.pretrained import pretrained

METHOD_VERSION = "causal-1"
DTYPES = ("auto", "float32", "bfloat16")
_TOKENIZER_FILES = ("tokenizer.json", "vocab.json", "vocab.txt", "*.model")
_CAUSAL_NAMES = ("ForCausalLM", "LMHeadModel")


@dataclass(frozen=True)
class Loaded:
    """A model in memory.

    Attributes
    ----------
    model : transformers model
        Causal, in eval mode, on its device.
    tokenizer : transformers tokenizer
        May have no pad token: batches are padded by position and not by token.
    """

    model: Any
    tokenizer: Any


class CausalModel:
    """A causal language model that is not yet loaded.

    Parameters
    ----------
    model : str or Path
        A folder that `save_pretrained` wrote, model and tokenizer, or a hub name. With
        ``HF_HUB_OFFLINE=1`` a hub name must be in the local cache.
    dtype : str
        ``"float32"``, ``"bfloat16"``, or ``"auto"``: float32 on a CPU, bfloat16 on CUDA.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:<number>"``.

    Raises
    ------
    ConfigError
        The folder does not exist, has no configuration, weights or tokenizer, or holds a model
        that is not causal; the dtype or the device is unknown.
    """

    def __init__(self, model: str | Path, dtype: str = "auto", device: str = "auto") -> None:
        if dtype not in DTYPES:
            raise ConfigError(f"Unknown dtype {dtype!r}. Known: {', '.join(DTYPES)}.")
        check_device(device)
        self.folder: Path = resolve_model(model)
        self.device = device
        self._asked = dtype
        _check_tokenizer(self.folder)
        _check_causal(self.folder)

    @property
    def dtype(self) -> str:
        """``"float32"`` or ``"bfloat16"``: what the weights are read as.

        Torch is imported for it only where dtype and device are both ``"auto"``.
        """
        if self._asked != "auto":
            return self._asked
        name = pick_device(self.device) if self.device == "auto" else self.device
        return "float32" if name == "cpu" else "bfloat16"

    @cached_property
    def identity(self) -> str:
        """Short digest of everything in the model that a loss depends on.

        The dtype and the contents of weights, configuration, tokenizer and chat format; no path
        and no time, so a copy of the folder has the same identity. Files are read once a process,
        and again only when their size, a time or their inode changed. Of the files as they were
        when it was first asked for.
        """
        return self._identity()

    def _identity(self) -> str:
        total = hashlib.blake2b(digest_size=10)
        total.update(f"{METHOD_VERSION}\x1f{self.dtype}\x1f{files_digest(self.folder)}".encode())
        for path in sorted(self.folder.glob("*.jinja")):
            total.update(f"\x1e{path.name}\x1f".encode() + path.read_bytes())
        return total.hexdigest()

    def load(self) -> Loaded:
        """Read model and tokenizer, anew at each call.

        Returns
        -------
        Loaded

        Raises
        ------
        ConfigError
            The files cannot be read, hold not all weights of the model, or changed since
            `identity` was asked for.
        """
        import torch
        from safetensors import SafetensorError
        from transformers import AutoModelForCausalLM, AutoTokenizer

        reads: Any = AutoModelForCausalLM
        expected = self.identity
        device = pick_device(self.device)
        try:
            with quiet_loading():
                tokenizer = pretrained(AutoTokenizer, self.folder)
                model, found = pretrained(
                    reads, self.folder, dtype=getattr(torch, self.dtype), output_loading_info=True
                )
        except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
            raise ConfigError(
                f"{str(self.folder)!r} could not be loaded as a causal language model "
                f"({type(error).__name__}: {str(error).strip().splitlines()[0]}). Name a folder "
                "that `save_pretrained` wrote for a model with a language-model head."
            ) from error
        # transformers fills what is missing with random numbers, and would go on.
        missing = sorted(found["missing_keys"])
        if missing:
            raise ConfigError(
                f"{str(self.folder)!r} lacks {len(missing)} weights of its model, for example "
                f"{missing[0]!r}. Name a folder of a whole causal language model."
            )
        if self._identity() != expected:
            raise changed(self.folder)
        return Loaded(model.eval().to(device), tokenizer)


def _check_tokenizer(folder: Path) -> None:
    if not any(path for pattern in _TOKENIZER_FILES for path in folder.glob(pattern)):
        raise ConfigError(
            f"{str(folder)!r} has no tokenizer (looked for {', '.join(_TOKENIZER_FILES)}). Write "
            "it beside the model: `tokenizer.save_pretrained(folder)`."
        )


def _check_causal(folder: Path) -> None:
    """Refuse what its configuration says is another kind of model."""
    config = read_json(folder / "config.json")
    names = config.get("architectures")
    if not isinstance(names, list) or not names:
        return  # it does not say; loading will tell
    if not any(str(name).endswith(_CAUSAL_NAMES) for name in names):
        raise ConfigError(
            f"{str(folder)!r} holds {names[0]}, which is not a causal language model. Name a "
            "folder whose config.json names an architecture such as LlamaForCausalLM."
        )
