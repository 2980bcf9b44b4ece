"""Tags of words by a fine-tuned tagger, and how likely each was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError
from sluice.core.progress import Advance
from sluice.data.payloads.bio import OUTSIDE
from sluice.encoders.batches import longest_first, padded, token_batches
from sluice.encoders.device import pick_device
from sluice.encoders.folder import resolve_model
from sluice.models.with_head import load_model, logits_of
from sluice.tokens.alignment import align

_TOKENS_PER_ROW = 16


@dataclass(frozen=True)
class TagPredictions:
    """What a tagger says of sentences.

    Attributes
    ----------
    tags : list of list of str, length n
        The likeliest tag of each word by itself, so it need not be well-formed BIO; O where the
        word was not read.
    probabilities : list of ndarray of float64, length n
        Of each sentence, shape (w, C); NaN where the word was not read.
    tag_names : tuple of str, length C
        Their columns.
    truncated, unread : int
        Words that were cut off, and words of which the tokenizer makes nothing.
    """

    tags: list[list[str]]
    probabilities: list[NDArray[np.float64]]
    tag_names: tuple[str, ...]
    truncated: int
    unread: int


def predict_tags(
    model_folder: str | Path,
    sentences: Sequence[Sequence[str]],
    max_length: int = 128,
    batch_size: int = 64,
    device: str = "auto",
    advance: Advance | None = None,
) -> TagPredictions:
    """Tag the words of sentences with a saved tagger.

    Parameters
    ----------
    model_folder : str or Path
        What `sluice.models.token_fine_tune.token_fine_tune` wrote, or any token classifier's.
    sentences : sequence of sequence of str, length n
    max_length : int
        Most sub-words of a sentence that are read; that of the training.
    batch_size : int
        Batches hold up to ``batch_size * 16`` sub-words.
    device : str
        ``auto``, ``cpu`` or ``cuda``.
    advance : callable, optional
        Called with the number of sentences done, after each batch.

    Returns
    -------
    TagPredictions
        In the order of `sentences`.

    Raises
    ------
    ConfigError
        The folder is no model, its tokenizer is no fast one, a number is out of range, or the
        device is not there.
    """
    if batch_size < 1:
        raise ConfigError(f"batch_size is {batch_size}; give at least 1.")
    folder = resolve_model(model_folder)
    tokenizer, model = load_model("TokenClassification", folder, pick_device(device))
    model.eval()
    aligned = align(tokenizer, sentences, None, max_length)
    names = tuple(str(model.config.id2label[code]) for code in range(model.config.num_labels))
    found = [np.full((len(words), len(names)), np.nan) for words in sentences]
    lengths = np.array([len(row) for row in aligned.input_ids], dtype=np.int64)
    order = longest_first(lengths)
    for part in token_batches(lengths[order], batch_size * _TOKENS_PER_ROW):
        rows = order[part].tolist()
        tokens = [aligned.input_ids[row] for row in rows]
        values = _probabilities(model, tokens, int(tokenizer.pad_token_id or 0))
        for place, row in enumerate(rows):
            found[row][aligned.words[row]] = values[place, aligned.firsts[row]]
        if advance is not None:
            advance(len(rows))
    tags = [_likeliest(values, names) for values in found]
    return TagPredictions(tags, found, names, aligned.truncated, aligned.unread)


def _probabilities(model: Any, tokens: list[list[int]], pad: int) -> NDArray[np.float64]:
    import torch

    ids, lengths = padded(tokens, pad)
    with torch.inference_mode():
        return torch.softmax(logits_of(model, ids, lengths).double(), dim=2).cpu().numpy()


def _likeliest(values: NDArray[np.float64], names: tuple[str, ...]) -> list[str]:
    tags = [OUTSIDE] * len(values)
    for word in np.flatnonzero(~np.isnan(values[:, 0])).tolist():
        tags[word] = names[int(values[word].argmax())]
    return tags
