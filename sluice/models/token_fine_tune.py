"""Fine-tune the encoder to tag words, on the chosen subset.

Devlin et al. 2019 (arXiv:1810.04805), section 5.3: a linear layer on the last hidden state of the
first sub-word of each word. The settings are those of T-FREX (arXiv:2408.01063) for BERT. Where
its authors keep the epoch that is best on the test fold, the last weights are kept here, and
nothing but training rows is ever looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import DataError
from sluice.core.progress import track
from sluice.encoders.batches import padded
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
from sluice.models.training import TrainingConfig, TrainingResult
from sluice.models.with_head import logits_of, model_to_train, save_model
from sluice.tokens.alignment import IGNORED, Aligned, align

T_FREX_TRAINING = TrainingConfig(
    epochs=2, learning_rate=2e-5, warmup_share=0.0, weight_decay=0.01, freeze_words=False
)
"""As T-FREX trains BERT, in batches of 16; no dropout on attention weights is ours."""


def token_fine_tune(
    sentences: Sequence[Sequence[str]],
    tags: Sequence[Sequence[str]],
    tag_names: Sequence[str],
    config: TrainingConfig,
    model_folder: str | Path | None,
    output_folder: str | Path,
    device: str = "auto",
    weights: NDArray[np.floating] | None = None,
) -> TrainingResult:
    """Train a tagger of words and save it with its tokenizer.

    Parameters
    ----------
    sentences : sequence of sequence of str, length n
        The words of each.
    tags : sequence of sequence of str, length n
        One a word.
    tag_names : sequence of str, length C
        Saved in the model's configuration; see `sluice.data.payloads.bio.tag_names`.
    config : TrainingConfig
        `T_FREX_TRAINING`, or another.
    model_folder : str, Path or None
        Encoder to start from, or None for the default one.
    output_folder : str or Path
        Made where missing; receives ``model.safetensors``, ``config.json`` and the tokenizer.
    device : str
        ``auto``, ``cpu`` or ``cuda``.
    weights : ndarray of float, shape (n,), optional
        Of the losses of each sentence's words, brought to a mean of 1; every one weighs 1 by
        default.

    Returns
    -------
    TrainingResult
        `curve`: mean loss of a word in each epoch.

    Raises
    ------
    DataError
        There is no sentence with a word that the tokenizer reads, lengths differ, or a tag is not
        among `tag_names`.
    ConfigError
        A number in `config` is out of range, the model or the device is not there, or its
        tokenizer is no fast one.

    Notes
    -----
    The same inputs give the same weights on one kind of machine and thread count. The caller's
    random state is left as it was. Float32 on every device. Sentences that lose all their words
    are left out.
    """
    check_training(config)
    codes = _codes(sentences, tags, tag_names)
    began = perf_counter()
    name = pick_device(device)
    with own_randomness(name, config.seed):
        folder = resolve_model(model_folder)
        tokenizer, model = model_to_train("TokenClassification", folder, tag_names, config, name)
        aligned = align(tokenizer, sentences, codes, config.max_length)
        weight = mean_one(weights, len(sentences))
        curve, steps = _train(aligned, tokenizer, model, config, weight)
    save_model(tokenizer, model, output_folder)
    return TrainingResult(curve, perf_counter() - began, steps, name)


def _codes(
    sentences: Sequence[Sequence[str]], tags: Sequence[Sequence[str]], tag_names: Sequence[str]
) -> list[list[int]]:
    if not len(sentences) or len(sentences) != len(tags):
        raise DataError(
            f"Fine-tuning needs tags for each sentence, and at least one: got {len(sentences)} "
            f"sentences and tags of {len(tags)}."
        )
    code = {name: place for place, name in enumerate(tag_names)}
    for row, named in enumerate(tags):
        for tag in named:
            if tag not in code:
                raise DataError(
                    f"Sentence {row} has the tag {tag!r}, which is not among the names."
                )
    return [[code[tag] for tag in named] for named in tags]


def _train(
    aligned: Aligned, tokenizer: Any, model: Any, config: TrainingConfig, weight: Weights | None
) -> tuple[list[dict[str, float]], int]:
    used = [row for row, words in enumerate(aligned.words) if len(words)]
    if not used:
        raise DataError("No sentence has a word that the tokenizer reads; give others.")
    tokens = [aligned.input_ids[row] for row in used]
    labels = [aligned.labels[row] for row in used]
    lengths = np.array([len(row) for row in tokens], dtype=np.int64)
    per_epoch = -(-len(tokens) // config.batch_size)
    optimiser, schedule = adamw_of(model, config, per_epoch * config.epochs)
    rng = np.random.default_rng(config.seed)
    curve: list[dict[str, float]] = []
    with track("tagging", len(tokens) * config.epochs) as advance:
        for epoch in range(config.epochs):
            model.train()
            total, words = 0.0, 0
            for batch in epoch_batches(lengths, config.batch_size, rng):
                part = [tokens[i] for i in batch], [labels[i] for i in batch]
                counts = None if weight is None else weight[used][batch]
                pad = int(tokenizer.pad_token_id or 0)
                loss, count = _loss(model, *part, pad, counts)
                total += descend(model, loss, optimiser, schedule) * count
                words += count
                advance(len(batch))
            curve.append({"epoch": float(epoch + 1), "loss": total / words})
    return curve, per_epoch * config.epochs


def _loss(
    model: Any,
    tokens: list[list[int]],
    labels: list[list[int]],
    pad: int,
    weight: Weights | None,
) -> tuple[Any, int]:
    import torch

    ids, lengths = padded(tokens, pad)
    marks = padded(labels, IGNORED)[0]
    logits = logits_of(model, ids, lengths)
    truth = torch.from_numpy(marks).to(model.device).flatten()
    losses = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1),
        truth,
        ignore_index=IGNORED,
        reduction="mean" if weight is None else "none",
    )
    if weight is None:
        loss = losses
    else:
        by_word = torch.from_numpy(weight).to(model.device).repeat_interleave(logits.shape[1])
        loss = (losses * by_word).sum() / (truth != IGNORED).sum()
    return loss, int((marks != IGNORED).sum())
