"""Encoders with a layer on top that names classes or tags: loaded, run and saved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sluice.encoders.device import quiet_loading
from sluice.encoders.pretrained import pretrained
from sluice.models.training import TrainingConfig

Kind = Literal["SequenceClassification", "TokenClassification"]


def load_model(kind: Kind, folder: Path, device: str, **given: Any) -> tuple[Any, Any]:
    """Load a tokenizer and a model in float32, onto a device.

    `kind` is what transformers calls such models; `given` is for its ``from_pretrained``.

    Raises
    ------
    ConfigError
        The folder is no such model.
    """
    import torch
    import transformers

    with quiet_loading():
        model = pretrained(
            getattr(transformers, f"AutoModelFor{kind}"),
            folder,
            dtype=torch.float32,
            attn_implementation="sdpa",
            **given,
        )
    return pretrained(transformers.AutoTokenizer, folder), model.to(device)


def model_to_train(
    kind: Kind, folder: Path, names: Sequence[str], config: TrainingConfig, device: str
) -> tuple[Any, Any]:
    """Load a tokenizer and a model whose layer on top is for some names, drawn anew if need be."""
    from transformers import AutoConfig

    settings = pretrained(
        AutoConfig,
        folder,
        id2label=dict(enumerate(names)),
        label2id={name: code for code, name in enumerate(names)},
    )
    if hasattr(settings, "attention_probs_dropout_prob"):
        settings.attention_probs_dropout_prob = config.attention_dropout
    # A folder that was itself fine-tuned may have another number of names.
    tokenizer, model = load_model(
        kind, folder, device, config=settings, ignore_mismatched_sizes=True
    )
    if config.freeze_words:
        model.get_input_embeddings().weight.requires_grad_(False)
    return tokenizer, model


def logits_of(model: Any, ids: NDArray[np.int64], lengths: NDArray[np.int64]) -> Any:
    """Return the logits, (b, C) or (b, t, C), of tokens (b, t) padded on the right."""
    import torch

    mask = torch.arange(ids.shape[1])[None] < torch.from_numpy(lengths)[:, None]
    return model(
        input_ids=torch.from_numpy(ids).to(model.device),
        attention_mask=mask.long().to(model.device),
    ).logits


def save_model(tokenizer: Any, model: Any, folder: str | Path) -> None:
    """Write a model with its tokenizer."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    with quiet_loading():
        model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
