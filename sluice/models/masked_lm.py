"""A BERT as a masked language model: loaded, its tokens hidden, its loss measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError, DataError
from sluice.encoders.device import quiet_loading
from sluice.encoders.pretrained import pretrained
from sluice.models.training import TrainingConfig
from sluice.tokens.alignment import IGNORED
from sluice.tokens.blocks import Blocks
from sluice.tokens.masking import mask_tokens

_EVALUATION = -1
"""The epoch whose masks the evaluation has: always the same ones."""


class Masking:
    """Hides the tokens of blocks.

    Parameters
    ----------
    tokenizer : transformers tokenizer
    vocab_size : int
    seed : int

    Raises
    ------
    ConfigError
        The tokenizer has no mask token.
    """

    def __init__(self, tokenizer: Any, vocab_size: int, seed: int) -> None:
        if tokenizer.mask_token_id is None:
            raise ConfigError("The tokenizer has no mask token; a masked language model needs one.")
        self.mask_id = int(tokenizer.mask_token_id)
        self.special_ids = np.array(sorted(tokenizer.all_special_ids), dtype=np.int64)
        self.vocab_size = vocab_size
        self.seed = seed

    def __call__(
        self, blocks: Blocks, rows: NDArray[np.int64], epoch: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return inputs and labels of some blocks, shape (b, t)."""
        return mask_tokens(
            blocks.ids[rows],
            blocks.names[rows],
            mask_id=self.mask_id,
            special_ids=self.special_ids,
            vocab_size=self.vocab_size,
            seed=self.seed,
            epoch=epoch,
        )


def load_masked(folder: Path, config: TrainingConfig, device: str) -> tuple[Any, Any, bool]:
    """Load tokenizer and masked language model, and say whether its head is new.

    Raises
    ------
    ConfigError
        The model is no BERT.
    """
    import torch
    from transformers import AutoConfig, AutoTokenizer, BertForMaskedLM

    settings = pretrained(AutoConfig, folder)
    if settings.model_type != "bert":
        raise ConfigError(
            f"{str(folder)!r} is a {settings.model_type}; only a BERT can be trained further. Name "
            "the folder of one."
        )
    settings.attention_probs_dropout_prob = config.attention_dropout
    settings.tie_word_embeddings = True
    with quiet_loading():
        loaded: Any = BertForMaskedLM.from_pretrained(
            folder,
            config=settings,
            dtype=torch.float32,
            attn_implementation="sdpa",
            output_loading_info=True,
        )
    model, said = loaded
    if model.cls.predictions.decoder.weight is not model.get_input_embeddings().weight:
        raise ConfigError(f"{str(folder)!r}: the decoder is not tied to the word vectors.")
    if config.freeze_words:
        model.get_input_embeddings().weight.requires_grad_(False)
    new_head = any(name.startswith("cls.predictions.transform") for name in said["missing_keys"])
    return pretrained(AutoTokenizer, folder), model.to(device), new_head


def loss_at(
    model: Any, inputs: NDArray[np.int64], labels: NDArray[np.int64], lengths: NDArray[np.int64]
) -> Any:
    """Mean cross-entropy at the labelled positions, a tensor; logits nowhere else.

    Parameters
    ----------
    model : BertForMaskedLM
    inputs, labels : ndarray of int64, shape (b, t)
        At least one label that is not -100.
    lengths : ndarray of int64, shape (b,)
    """
    import torch

    device = model.device
    mask = torch.arange(inputs.shape[1])[None] < torch.from_numpy(lengths)[:, None]
    hidden = model.bert(
        input_ids=torch.from_numpy(inputs).to(device), attention_mask=mask.long().to(device)
    ).last_hidden_state
    wanted = torch.from_numpy(labels).to(device)
    there = wanted != IGNORED
    return torch.nn.functional.cross_entropy(model.cls(hidden[there]), wanted[there])


def masked_loss(model: Any, blocks: Blocks, masking: Masking, batch_size: int = 16) -> float:
    """Mean loss of the hidden tokens of blocks, in nats, always with the same ones hidden.

    Raises
    ------
    DataError
        No token of the blocks can be hidden.
    """
    import torch

    model.eval()
    total, count = 0.0, 0
    for start in range(0, len(blocks), batch_size):
        rows = np.arange(start, min(start + batch_size, len(blocks)))
        inputs, labels = masking(blocks, rows, _EVALUATION)
        hidden = int((labels != IGNORED).sum())
        if hidden:
            with torch.inference_mode():
                loss = float(loss_at(model, inputs, labels, blocks.lengths[rows]))
            total, count = total + loss * hidden, count + hidden
    if not count:
        raise DataError("No token of the blocks can be hidden; give longer texts.")
    return total / count
