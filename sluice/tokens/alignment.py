"""Labels of words as labels of sub-words: the first sub-word of a word has its label.

As BERT's tagger (Devlin et al. 2019, arXiv:1810.04805, section 5.3) and T-FREX (arXiv:2408.01063)
are trained: other sub-words and special tokens are -100, which a cross-entropy passes over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError, DataError

IGNORED = -100


@dataclass(frozen=True)
class Aligned:
    """Sentences as sub-words.

    Attributes
    ----------
    input_ids : list of list of int, length n
        Special tokens included, cut to the length asked for, not padded.
    labels : list of list of int, length n
        As long; `IGNORED` but at the first sub-word of each word.
    firsts : list of ndarray of int64, length n
        Where the first sub-word of each surviving word is, ascending.
    words : list of ndarray of int64, length n
        Which words those are, ascending.
    truncated : int
        Words that were cut off, of all sentences.
    unread : int
        Other words of which the tokenizer makes nothing, such as control characters.
    """

    input_ids: list[list[int]]
    labels: list[list[int]]
    firsts: list[NDArray[np.int64]]
    words: list[NDArray[np.int64]]
    truncated: int
    unread: int


def align(
    tokenizer: Any,
    sentences: Sequence[Sequence[str]],
    labels: Sequence[Sequence[int]] | None,
    max_length: int,
) -> Aligned:
    """Tokenise words and give the first sub-word of each the word's label.

    Parameters
    ----------
    tokenizer : transformers tokenizer
        A fast one: others do not say of which word a sub-word is.
    sentences : sequence of sequence of str, length n
        The words of each.
    labels : sequence of sequence of int, length n, or None
        One a word, at least 0. None: 0 for all.
    max_length : int
        Most sub-words of a sentence, special tokens included. Of a word that is cut in two the
        first part keeps the label.

    Returns
    -------
    Aligned

    Raises
    ------
    ConfigError
        The tokenizer is no fast one, or `max_length` leaves no place for a word.
    DataError
        Sentences and labels do not fit each other.

    Notes
    -----
    Cost: two passes of the tokenizer's own, about 20 microseconds a sentence.
    """
    if not getattr(tokenizer, "is_fast", False):
        raise ConfigError(
            "Labels of words need a fast tokenizer, which says of which word a sub-word is. Save "
            "the model's tokenizer with a tokenizer.json."
        )
    if max_length <= tokenizer.num_special_tokens_to_add():
        raise ConfigError(f"max_length is {max_length}; give room for a word beside the specials.")
    given = [[0] * len(words) for words in sentences] if labels is None else labels
    _check(sentences, given)
    result = Aligned([], [], [], [], 0, 0)
    if not len(sentences):
        return result
    words = [list(sentence) for sentence in sentences]
    options: dict[str, Any] = {
        "is_split_into_words": True,
        "padding": False,
        "return_attention_mask": False,
        "return_token_type_ids": False,
    }
    whole = tokenizer(words, truncation=False, verbose=False, **options)
    cut = tokenizer(words, truncation=True, max_length=max_length, **options)
    readable = surviving = 0
    for row, codes in enumerate(given):
        firsts, kept = _firsts(cut.word_ids(row))
        marks = np.full(len(cut["input_ids"][row]), IGNORED, dtype=np.int64)
        marks[firsts] = np.asarray(codes, dtype=np.int64)[kept]
        result.input_ids.append(list(cut["input_ids"][row]))
        result.labels.append(marks.tolist())
        result.firsts.append(firsts)
        result.words.append(kept)
        readable += len(_firsts(whole.word_ids(row))[1])
        surviving += len(kept)
    total = sum(map(len, words))
    return Aligned(
        result.input_ids,
        result.labels,
        result.firsts,
        result.words,
        truncated=readable - surviving,
        unread=total - readable,
    )


def _firsts(word_ids: list[int | None]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the place of each word's first sub-word, and the words."""
    places: list[int] = []
    words: list[int] = []
    for place, word in enumerate(word_ids):
        if word is not None and (not words or word != words[-1]):
            places.append(place)
            words.append(word)
    return np.array(places, dtype=np.int64), np.array(words, dtype=np.int64)


def _check(sentences: Sequence[Sequence[str]], labels: Sequence[Sequence[int]]) -> None:
    if len(labels) != len(sentences):
        raise DataError(
            f"There are {len(sentences)} sentences and labels of {len(labels)}; give one list each."
        )
    for row, (words, codes) in enumerate(zip(sentences, labels, strict=True)):
        if isinstance(words, str):
            raise DataError(f"Sentence {row} is one text; give a list of its words.")
        if len(words) != len(codes):
            raise DataError(f"Sentence {row} has {len(words)} words and {len(codes)} labels.")
        if any(code < 0 for code in codes):
            raise DataError(f"Sentence {row} has a label below 0; give codes from 0 upwards.")
