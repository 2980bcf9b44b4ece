"""Fine-tune the encoder with a classification layer on the chosen subset.

Devlin et al. 2019 (arXiv:1810.04805), section 4.1: a linear layer on the pooled first token,
cross-entropy, AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101), linear warm-up and decay.

Ours: a plain loop in place of ``transformers.Trainer``, which sets global seeds, reads the
environment and starts its own reporters; and batches of similar lengths.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.arrays import checked_labels, whole_array
from sluice.core.errors import DataError
from sluice.core.progress import track
from sluice.encoders.batches import padded, tokenise
from sluice.encoders.device import pick_device
from sluice.encoders.folder import resolve_model
from sluice.models.loop import (
    Weights,
    adamw_of,
    check_training,
    descend,
    epoch_batches,
    mean_one,
    own_randomness,
)
from sluice.models.predict import probabilities_of
from sluice.models.training import TrainingConfig, TrainingResult
from sluice.models.with_head import logits_of, model_to_train, save_model

__all__ = ["TrainingConfig", "TrainingResult", "fine_tune"]


def fine_tune(
    texts: Sequence[str],
    labels: NDArray[np.integer],
    class_names: Sequence[str],
    config: TrainingConfig,
    model_folder: str | Path | None,
    output_folder: str | Path,
    device: str = "auto",
    validation: tuple[Sequence[str], NDArray[np.integer]] | None = None,
    weights: NDArray[np.floating] | None = None,
) -> TrainingResult:
    """Train a classifier and save it with its tokenizer.

    Parameters
    ----------
    texts : sequence of str, length n
    labels : ndarray of int, shape (n,)
        0 to ``len(class_names) - 1``.
    class_names : sequence of str, length C
        Saved in the model's configuration.
    config : TrainingConfig
    model_folder : str, Path or None
        Encoder to start from, or None for the default one. From a model that was fine-tuned for
        as many classes, the classification layer is taken too.
    output_folder : str or Path
        Made where missing; receives ``model.safetensors``, ``config.json`` and the tokenizer.
    device : str
        ``auto``, ``cpu`` or ``cuda``.
    validation : (texts, labels), optional
        Scored after each epoch; it decides nothing.
    weights : ndarray of float, shape (n,), optional
        Of each text's loss, brought to a mean of 1; every text weighs 1 by default.

    Returns
    -------
    TrainingResult

    Raises
    ------
    DataError
        If there are no texts, lengths differ, or a label is out of range.
    ConfigError
        If a number in `config` is out of range, or the model or device is not there.

    Notes
    -----
    The same inputs give the same weights on one kind of machine and thread count. The caller's
    random state is left as it was. Float32 on every device.
    """
    y = whole_array("Labels", labels)
    _check(texts, y, len(class_names), config)
    if validation is not None and len(validation[0]) != len(validation[1]):
        raise DataError("The validation texts and labels differ in number.")
    began = perf_counter()
    name = pick_device(device)
    with own_randomness(name, config.seed):
        folder = resolve_model(model_folder)
        tokenizer, model = model_to_train(
            "SequenceClassification", folder, class_names, config, name
        )
        weight = mean_one(weights, len(y))
        curve, steps = _train(texts, y, tokenizer, model, config, validation, weight)
    save_model(tokenizer, model, output_folder)
    return TrainingResult(curve, perf_counter() - began, steps, name)


def _check(
    texts: Sequence[str], y: NDArray[np.int64], n_classes: int, config: TrainingConfig
) -> None:
    if len(texts) == 0 or len(texts) != len(y):
        raise DataError(
            f"Fine-tuning needs as many labels as texts, and at least one: got {len(texts)} texts "
            f"and {len(y)} labels."
        )
    checked_labels(y, n_classes=n_classes)
    check_training(config)


def _train(
    texts: Sequence[str],
    y: NDArray[np.int64],
    tokenizer: Any,
    model: Any,
    config: TrainingConfig,
    validation: tuple[Sequence[str], NDArray[np.integer]] | None,
    weight: Weights | None,
) -> tuple[list[dict[str, float]], int]:
    tokens, lengths = tokenise(tokenizer, texts, config.max_length)
    per_epoch = -(-len(tokens) // config.batch_size)
    optimiser, schedule = adamw_of(model, config, per_epoch * config.epochs)
    rng = np.random.default_rng(config.seed)
    curve: list[dict[str, float]] = []
    with track("fine-tuning", len(tokens) * config.epochs) as advance:
        for epoch in range(config.epochs):
            model.train()
            total = 0.0
            for batch in epoch_batches(lengths, config.batch_size, rng):
                counts = None if weight is None else weight[batch]
                texts_of = [tokens[i] for i in batch]
                loss = _loss(model, texts_of, y[batch], tokenizer, counts)
                total += descend(model, loss, optimiser, schedule) * len(batch)
                advance(len(batch))
            record = {"epoch": float(epoch + 1), "loss": total / len(tokens)}
            if validation is not None:
                found = probabilities_of(tokenizer, model, validation[0], config.max_length)
                right = found.argmax(axis=1) == np.asarray(validation[1])
                record["validation_accuracy"] = float(right.mean())
            curve.append(record)
    return curve, per_epoch * config.epochs


def _loss(
    model: Any,
    tokens: list[list[int]],
    y: NDArray[np.int64],
    tokenizer: Any,
    weight: Weights | None,
) -> Any:
    import torch

    ids, lengths = padded(tokens, int(tokenizer.pad_token_id or 0))
    logits = logits_of(model, ids, lengths)
    truth = torch.from_numpy(y).to(model.device)
    if weight is None:
        loss = torch.nn.functional.cross_entropy(logits, truth)
    else:
        losses = torch.nn.functional.cross_entropy(logits, truth, reduction="none")
        loss = (losses * torch.from_numpy(weight).to(model.device)).mean()
    return loss
