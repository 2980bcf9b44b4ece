"""Low-rank adapters: small trainable matrices beside the frozen weights of a language model.

Hu et al. 2021 (arXiv:2106.09685): a linear layer W x becomes W x + (alpha / r) B A x, where A is
drawn and B starts at 0, so that the adapted model starts as the model itself. Adapters are peft's.

Ours: each A is drawn from a generator keyed by (seed, layer name), on the CPU and in float32, so
that it is the same on every device, under every dtype, and whichever other layers are adapted.
"""

from __future__ import annotations

import json
import warnings
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from sluice.core.digests import digest
from sluice.core.drafts import draft
from sluice.core.errors import ConfigError
from sluice.core.randomness import keyed_bits
from sluice.encoders.device import quiet_loading

WEIGHTS = "adapter_model.safetensors"
SETTINGS = "adapter_config.json"
_MEANING = ("r", "lora_alpha", "use_rslora", "use_dora", "rank_pattern", "alpha_pattern")


def attach(
    model: Any,
    *,
    rank: int = 8,
    alpha: float = 16,
    targets: str | list[str] = "all-linear",
    seed: int = 0,
) -> Any:
    """Put new adapters beside the layers of a model, whose own weights are frozen.

    Parameters
    ----------
    model : transformers causal model
        Changed in place; `detach` gives it back as it was.
    rank : int
        Of the adapters.
    alpha : float
        Adapters are scaled by ``alpha / rank``.
    targets : str or list of str
        ``"all-linear"`` for every linear layer but the head, or ends of layer names.
    seed : int
        Of the first matrices.

    Returns
    -------
    peft.PeftModel
        In evaluation mode, its adapters float32 and trainable, without dropout.

    Raises
    ------
    ConfigError
        If `rank` or `alpha` is not positive, no layer is met, or there are adapters already.
    """
    import torch
    from peft import LoraConfig, TaskType, get_peft_model

    if rank < 1 or not alpha > 0:
        raise ConfigError(f"LoRA needs a rank and an alpha above 0, got {rank} and {alpha}.")
    _check_bare(model)
    config = LoraConfig(
        task_type=TaskType.CAUSAL_LM,
        r=rank,
        lora_alpha=alpha,  # pyright: ignore[reportArgumentType]  # peft divides it, no more
        lora_dropout=0.0,
        target_modules=targets,
    )
    # peft draws from the global generator; the draws that count are ours, below.
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        # peft asks transformers for a name that it will rename.
        warnings.simplefilter("ignore", FutureWarning)
        try:
            adapted: Any = get_peft_model(model, config)
        except ValueError as error:
            raise ConfigError(f"No adapter fits targets {targets!r}: {error}") from error
    reset(adapted, seed)
    return adapted.eval()


def reset(model: Any, seed: int = 0) -> None:
    """Draw the adapters anew: A uniform in +-1/sqrt(its input width), B zero.

    Parameters
    ----------
    model : peft.PeftModel
    seed : int
    """
    import torch

    with torch.no_grad():
        for name, weight in adapter_weights(model).items():
            if ".lora_B." in name:
                weight.zero_()
                continue
            key = int(keyed_bits(seed, np.array([name]))[0] >> np.uint64(1))
            draw = torch.rand(weight.shape, generator=torch.Generator().manual_seed(key))
            weight.copy_((2 * draw - 1) / weight.shape[1] ** 0.5)


def adapter_weights(model: Any) -> dict[str, Any]:
    """Return the adapters' matrices by parameter name, in the model's order."""
    return {n: p for n, p in model.named_parameters() if ".lora_A." in n or ".lora_B." in n}


def detach(model: Any) -> Any:
    """Take the adapters off and return the model as it was before `attach` or `load`."""
    return model.unload()


def save(model: Any, folder: str | Path) -> str:
    """Write the adapters as ``adapter_model.safetensors`` with their settings.

    Parameters
    ----------
    model : peft.PeftModel
    folder : str or Path
        Replaced where it exists. Written beside it first and then renamed, so that a killed
        process leaves no half folder under this name.

    Returns
    -------
    str
        Its `identity`.
    """
    target = Path(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    with draft(target) as hidden:
        model.save_pretrained(hidden, safe_serialization=True, save_embedding_layers=False)
        if target.exists():
            target.rename(hidden.with_name(f"{hidden.name}.old"))
        hidden.rename(target)
    return identity(target)


def load(model: Any, folder: str | Path, *, trainable: bool = False) -> Any:
    """Put saved adapters beside the layers of the model they were trained with.

    Parameters
    ----------
    model : transformers causal model
        Changed in place; `detach` gives it back as it was.
    folder : str or Path
        What `save` wrote.
    trainable : bool
        Whether training may go on.

    Returns
    -------
    peft.PeftModel
        In evaluation mode.

    Raises
    ------
    ConfigError
        If the folder holds no adapters, they do not fit the model, or it has adapters already.
    """
    import torch
    from peft import PeftModel

    _check_bare(model)
    path = _checked(folder)
    with quiet_loading(), torch.random.fork_rng(devices=[]):
        try:
            adapted: Any = PeftModel.from_pretrained(model, str(path), is_trainable=trainable)
        except (RuntimeError, ValueError) as error:
            raise ConfigError(
                f"The adapters in {str(path)!r} do not fit this model: "
                f"{str(error).splitlines()[0]} Load the model that they were trained with."
            ) from error
    return adapted.eval()


def identity(folder: str | Path) -> str:
    """Digest of everything in an adapter folder that an adapted model depends on.

    Rank, scaling, adapted layers and weights; not the path of the base model, nor times.

    Raises
    ------
    ConfigError
        If the folder holds no adapters.
    """
    path = _checked(folder)
    settings = json.loads((path / SETTINGS).read_text(encoding="utf-8"))
    meaning = {key: settings.get(key) for key in _MEANING}
    with (path / WEIGHTS).open("rb") as file:
        weights = sha256(file.read()).hexdigest()
    return digest(json.dumps(meaning, sort_keys=True), weights)


def _checked(folder: str | Path) -> Path:
    path = Path(folder)
    for name in (SETTINGS, WEIGHTS):
        if not (path / name).is_file():
            raise ConfigError(
                f"{str(path)!r} holds no adapters: it has no {name}. Name the folder that "
                "`sluice.language.training.lora.save` wrote."
            )
    return path


def _check_bare(model: Any) -> None:
    if any(".lora_" in name for name, _ in model.named_parameters()):
        raise ConfigError("The model has adapters already; take them off with `detach` first.")
