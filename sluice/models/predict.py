"""Class probabilities of a fine-tuned classifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError
from sluice.core.progress import Advance
from sluice.encoders.batches import longest_first, padded, token_batches, tokenise
from sluice.encoders.bert import PackedBert, is_supported
from sluice.encoders.device import pick_device
from sluice.encoders.folder import resolve_model
from sluice.models.with_head import load_model

if TYPE_CHECKING:
    import torch

_TOKENS_PER_ROW = 16


def predict(
    model_folder: str | Path,
    texts: Sequence[str],
    max_length: int = 128,
    batch_size: int = 64,
    device: str = "auto",
    advance: Advance | None = None,
) -> NDArray[np.float64]:
    """Score texts with a saved classifier.

    Parameters
    ----------
    model_folder : str or Path
        What `sluice.models.fine_tune.fine_tune` wrote, or any sequence classifier's folder.
    texts : sequence of str, length n
    max_length : int
        Most tokens of a text that are read; that of the training.
    batch_size : int
        Batches hold up to ``batch_size * 16`` tokens.
    device : str
        ``auto``, ``cpu`` or ``cuda``.
    advance : callable, optional
        Called with the number of rows done, after each batch.

    Returns
    -------
    ndarray of float64, shape (n, C)
        Rows sum to 1, in the order of `texts`.

    Raises
    ------
    ConfigError
        If the folder is no model, a number is out of range, or the device is not there.
    """
    if max_length < 3 or batch_size < 1:
        raise ConfigError(
            "Predicting needs max_length of at least 3 and batch_size of at least 1, got "
            f"{max_length} and {batch_size}."
        )
    folder = resolve_model(model_folder)
    tokenizer, model = load_model("SequenceClassification", folder, pick_device(device))
    return probabilities_of(tokenizer, model, texts, max_length, batch_size, advance)


def probabilities_of(
    tokenizer: Any,
    model: Any,
    texts: Sequence[str],
    max_length: int,
    batch_size: int = 64,
    advance: Advance | None = None,
) -> NDArray[np.float64]:
    """As `predict`, with a classifier that is in memory; leaves it in evaluation mode."""
    import torch

    tokens, lengths = tokenise(tokenizer, texts, max_length)
    order = longest_first(lengths)
    result = np.empty((len(tokens), int(model.config.num_labels)), dtype=np.float64)
    logits_of = _logits_of(model.eval())
    for part in token_batches(lengths[order], batch_size * _TOKENS_PER_ROW):
        rows = order[part]
        ids, length = padded([tokens[i] for i in rows], int(tokenizer.pad_token_id or 0))
        with torch.inference_mode():
            logits = logits_of(
                torch.from_numpy(ids).to(model.device), torch.from_numpy(length).to(model.device)
            )
            result[rows] = torch.softmax(logits.double(), dim=1).cpu().numpy()
        if advance is not None:
            advance(len(rows))
    return result


def _logits_of(model: Any) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    import torch

    def generic(ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        mask = torch.arange(ids.shape[1], device=ids.device)[None] < lengths[:, None]
        return model(input_ids=ids, attention_mask=mask.long()).logits

    is_bert = type(model).__name__ == "BertForSequenceClassification"
    if model.device.type != "cpu" or not is_bert or not is_supported(model.config):
        return generic
    encoder = PackedBert(model.bert)

    def packed(ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        return model.classifier(model.bert.pooler(encoder(ids, lengths)))

    return packed
