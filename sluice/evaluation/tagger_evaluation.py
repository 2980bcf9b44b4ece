"""What a subset of tagged sentences is worth: a tagger is trained on it and scores other rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sluice.core.drafts import scratch
from sluice.data.readers.conll import Sentence
from sluice.models.token_fine_tune import token_fine_tune
from sluice.models.token_predict import predict_tags
from sluice.models.training import TrainingConfig
from sluice.tokens.span_f1 import span_counts, token_counts


@dataclass(frozen=True)
class TaggedSplit:
    """What a tagger found in the sentences of one split.

    Attributes
    ----------
    spans, words : ndarray of int64, shape (n, 3)
        Right, predicted and true, sentence by sentence; words of all types together.
    lost : int
        Words that were cut off or not read.
    """

    spans: NDArray[np.int64]
    words: NDArray[np.int64]
    lost: int


@dataclass(frozen=True)
class Tagger:
    """One training and what it found, by split."""

    splits: dict[str, TaggedSplit]
    seconds: float
    device: str


def evaluate_tagger(
    chosen: Sequence[Sentence],
    held_out: Mapping[str, Sequence[Sentence]],
    tag_names: Sequence[str],
    config: TrainingConfig,
    model_folder: str | Path | None,
    device: str = "auto",
) -> Tagger:
    """Train a tagger on some sentences and count what it finds in others.

    The last weights are scored; held-out sentences are never looked at in the training.

    Parameters
    ----------
    chosen : sequence of Sentence
    held_out : mapping of str to sequence of Sentence
        By split.
    tag_names : sequence of str
        All tags that the tagger may give.
    config : TrainingConfig
    model_folder : str, Path or None
        Encoder to start from, or None for the default one.
    device : str
        ``auto``, ``cpu`` or ``cuda``.

    Raises
    ------
    DataError
        No sentence can be trained on, see `sluice.models.token_fine_tune.token_fine_tune`.
    """
    splits: dict[str, TaggedSplit] = {}
    with scratch() as folder:
        made = token_fine_tune(
            [each.tokens for each in chosen],
            [each.tags for each in chosen],
            tag_names,
            config,
            model_folder,
            folder,
            device,
        )
        for split, sentences in held_out.items():
            words = [each.tokens for each in sentences]
            found = predict_tags(folder, words, config.max_length, device=device)
            splits[split] = _counted(sentences, found.tags, found.truncated + found.unread)
    return Tagger(splits, made.seconds, made.device)


def _counted(sentences: Sequence[Sentence], tags: list[list[str]], lost: int) -> TaggedSplit:
    truth = [each.tags for each in sentences]
    words = np.zeros((len(truth), 3), dtype=np.int64)
    for counts in token_counts(truth, tags).values():
        words += counts
    return TaggedSplit(span_counts(truth, tags), words, lost)
