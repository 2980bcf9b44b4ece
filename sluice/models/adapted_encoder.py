"""Train an encoder further on texts of its domain, as a masked language model.

The extended pre-training of T-FREX (Motger and others, arXiv:2408.01063), with the masked language
model of Devlin et al. 2019 (arXiv:1810.04805) that it means. The authors' code hides no token, so
their model learns to copy, and measures it on the texts that it trains on; here 15 % are hidden,
anew in each epoch, the loss is over those alone, and the reported loss is of held-out texts.

Ours: an encoder that comes without a language-model head, as sentence encoders do, is given one:
its decoder is tied to the word vectors, its transform is random and its bias 0. The head serves
the training and is not saved. Logits are computed at hidden positions only.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.drafts import draft
from sluice.core.errors import ConfigError, DataError
from sluice.core.progress import track
from sluice.encoders.device import pick_device, quiet_loading
from sluice.encoders.folder import resolve_model
from sluice.encoders.pretrained import pretrained
from sluice.models.loop import adamw_of, check_training, descend, own_randomness
from sluice.models.masked_lm import Masking, load_masked, loss_at, masked_loss
from sluice.models.training import TrainingConfig
from sluice.tokens.alignment import IGNORED
from sluice.tokens.blocks import Blocks

ADAPTATION = TrainingConfig(
    epochs=10, learning_rate=3e-5, weight_decay=0.01, warmup_share=0.1, freeze_words=False
)
"""As T-FREX trains further, in batches of 16 blocks; the warm-up is ours."""


@dataclass(frozen=True)
class Adaptation:
    """What a further training did.

    Attributes
    ----------
    before, after : float
        Mean loss of the hidden tokens of the held-out blocks, in nats; both with the same tokens
        hidden. Before: with the new head, so near ln of the vocabulary.
    curve : list of dict
        One for each epoch: ``epoch`` and ``loss``, the mean over hidden tokens of training.
    masked : float
        Share of the tokens of training that were hidden, special ones left out, over all epochs.
    steps : int
    seconds : float
    device : str
    new_head : bool
        Whether the folder had no language-model head.
    """

    before: float
    after: float
    curve: list[dict[str, float]]
    masked: float
    steps: int
    seconds: float
    device: str
    new_head: bool


def adapt_encoder(
    training: Blocks,
    evaluation: Blocks,
    config: TrainingConfig,
    model_folder: str | Path | None,
    output_folder: str | Path,
    device: str = "auto",
) -> Adaptation:
    """Train an encoder further and save it as a folder like the one that it came from.

    Parameters
    ----------
    training, evaluation : Blocks
        See `sluice.tokens.blocks.make_blocks`, with the encoder's own tokenizer.
    config : TrainingConfig
        `ADAPTATION`, or another; `max_length` is not used.
    model_folder : str, Path or None
        A BERT to start from, or None for the default encoder.
    output_folder : str or Path
        Must not exist: it appears when it is complete.
    device : str
        ``auto``, ``cpu`` or ``cuda``.

    Returns
    -------
    Adaptation

    Raises
    ------
    ConfigError
        The model is no BERT or reads less than a block at once, a number is out of range, the
        output exists, or the device is not there.
    DataError
        No token of some blocks can be hidden, or they are of another vocabulary.

    Notes
    -----
    The same inputs give the same weights on one kind of machine and thread count; the caller's
    random state is left as it was. Nothing is chosen by the held-out loss: the last weights are
    saved.
    """
    check_training(config)
    output = Path(output_folder)
    if output.exists():
        raise ConfigError(f"{str(output)!r} exists; name a folder that does not, or remove it.")
    source = resolve_model(model_folder)
    began, name = perf_counter(), pick_device(device)
    with own_randomness(name, config.seed):
        tokenizer, model, new_head = load_masked(source, config, name)
        _check_length(training, model, source)
        masking = Masking(tokenizer, int(model.config.vocab_size), config.seed)
        before = masked_loss(model, evaluation, masking)
        curve, masked, steps = _train(model, training, config, masking)
        after = masked_loss(model, evaluation, masking)
    _save(model, tokenizer, source, output)
    return Adaptation(before, after, curve, masked, steps, perf_counter() - began, name, new_head)


def _check_length(blocks: Blocks, model: Any, source: Path) -> None:
    length, most = blocks.ids.shape[1], int(model.config.max_position_embeddings)
    if length > most:
        raise ConfigError(
            f"Blocks have {length} tokens, and {str(source)!r} reads {most} at once; make shorter "
            "blocks."
        )


def _train(
    model: Any, blocks: Blocks, config: TrainingConfig, masking: Masking
) -> tuple[list[dict[str, float]], float, int]:

    ordinary = int((~np.isin(blocks.ids, masking.special_ids)).sum()) * config.epochs
    masked = 0
    steps = math.ceil(len(blocks) / config.batch_size) * config.epochs
    optimiser, schedule = adamw_of(model, config, steps)
    rng = np.random.default_rng(config.seed)
    curve: list[dict[str, float]] = []
    with track("pre-training further", len(blocks) * config.epochs) as advance:
        for epoch in range(config.epochs):
            model.train()
            total, count = 0.0, 0
            for rows in _batches(len(blocks), config.batch_size, rng):
                inputs, labels = masking(blocks, rows, epoch)
                hidden = int((labels != IGNORED).sum())
                if hidden:
                    loss = loss_at(model, inputs, labels, blocks.lengths[rows])
                    total += descend(model, loss, optimiser, schedule) * hidden
                    count += hidden
                advance(len(rows))
            if not count:
                raise DataError("No token of the blocks can be hidden; give longer texts.")
            masked += count
            curve.append({"epoch": float(epoch + 1), "loss": total / count})
    return curve, masked / ordinary, steps


def _batches(n: int, batch_size: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    order = rng.permutation(n).astype(np.int64)
    for start in range(0, n, batch_size):
        yield order[start : start + batch_size]


def _save(model: Any, tokenizer: Any, source: Path, output: Path) -> None:
    """Write the encoder as it was, with its new weights; its pooler, if any, is the old one."""
    import torch
    from transformers import AutoModel

    with quiet_loading():
        encoder = pretrained(AutoModel, source, dtype=torch.float32)
    encoder.load_state_dict(model.bert.state_dict(), strict=False)
    output.parent.mkdir(parents=True, exist_ok=True)
    with draft(output) as hidden:
        with quiet_loading():
            encoder.save_pretrained(hidden, safe_serialization=True)
        tokenizer.save_pretrained(hidden)
        if (source / "1_Pooling").is_dir():
            shutil.copytree(source / "1_Pooling", hidden / "1_Pooling")
        hidden.rename(output)
