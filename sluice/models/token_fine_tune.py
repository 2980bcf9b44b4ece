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
from sluice.encoders.device import pick_device, quiet_loading
from sluice.encoders.folder import resolve_model
from sluice.encoders.pretrained import pretrained
from sluice.models.loop import (
    Weights,
    adamw_of,
    check_training,
    epoch_batches,
    mean_one,
    own_randomness,
)
from sluice.models.training import TrainingConfig, TrainingResult
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
        tokenizer, model = _load(resolve_model(model_folder), tag_names, config, name)
        aligned = align(tokenizer, sentences, codes, config.max_length)
        weight = mean_one(weights, len(sentences))
        curve, steps = _train(aligned, tokenizer, model, config, weight)
    output = Path(output_folder)
    output.mkdir(parents=True, exist_ok=True)
    with quiet_loading():
        model.save_pretrained(output, safe_serialization=True)
    tokenizer.save_pretrained(output)
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


def _load(
    folder: Path, tag_names: Sequence[str], config: TrainingConfig, device: str
) -> tuple[Any, Any]:
    import torch
    from transformers import AutoConfig, AutoModelForTokenClassification, AutoTokenizer

    settings = pretrained(
        AutoConfig,
        folder,
        id2label=dict(enumerate(tag_names)),
        label2id={name: code for code, name in enumerate(tag_names)},
    )
    if hasattr(settings, "attention_probs_dropout_prob"):
        settings.attention_probs_dropout_prob = config.attention_dropout
    with quiet_loading():
        model = pretrained(
            AutoModelForTokenClassification,
            folder,
            config=settings,
            dtype=torch.float32,
            attn_implementation="sdpa",
            # A folder that was itself fine-tuned may have other tags.
            ignore_mismatched_sizes=True,
        )
    if config.freeze_words:
        model.get_input_embeddings().weight.requires_grad_(False)
    return pretrained(AutoTokenizer, folder), model.to(device)


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
                loss, count = _step(model, *part, pad, optimiser, counts)
                schedule.step()
                total, words = total + loss * count, words + count
                advance(len(batch))
            curve.append({"epoch": float(epoch + 1), "loss": total / words})
    return curve, per_epoch * config.epochs


def _step(
    model: Any,
    tokens: list[list[int]],
    labels: list[list[int]],
    pad: int,
    optimiser: Any,
    weight: Weights | None,
) -> tuple[float, int]:
    import torch

    ids, lengths = padded(tokens, pad)
    marks = padded(labels, IGNORED)[0]
    device: torch.device = model.device
    mask = torch.arange(ids.shape[1])[None] < torch.from_numpy(lengths)[:, None]
    logits = model(
        input_ids=torch.from_numpy(ids).to(device), attention_mask=mask.long().to(device)
    ).logits
    truth = torch.from_numpy(marks).to(device).flatten()
    losses = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1),
        truth,
        ignore_index=IGNORED,
        reduction="mean" if weight is None else "none",
    )
    if weight is None:
        loss = losses
    else:
        by_word = torch.from_numpy(weight).to(device).repeat_interleave(logits.shape[1])
        loss = (losses * by_word).sum() / (truth != IGNORED).sum()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return float(loss.detach()), int((marks != IGNORED).sum())
