"""Rows of the task tokens: words with one tag each."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa

from sluice.core.errors import ConfigError, DataError
from sluice.data.config import DatasetConfig
from sluice.data.payloads.sentences import joined_words, read_sentence
from sluice.data.readers.conll import Sentence, Tagged, tagged_objects
from sluice.tasks.caller_rows import Rows, arrow_table, class_codes, content_names, given_names
from sluice.tasks.tokens.config import TokensConfig
from sluice.tasks.tokens.sentence_rows import checked_sentence


@dataclass(frozen=True)
class SentenceRows(Rows):
    """Tagged sentences; the labels are the types of their spans."""

    @classmethod
    def take(
        cls,
        X: Any,
        y: Iterable[Hashable] | None,
        ids: Sequence[Hashable] | None,
        config: DatasetConfig,
        **given: Any,
    ) -> Self:
        """Take tagged sentences, see `sluice.select`."""
        if y is not None:
            raise ConfigError("Rows of the task tokens hold their tags: leave y out.")
        texts = sentence_texts(X, config)
        kinds = [read_sentence(text).label for text in texts]
        names = given_names(ids, len(texts))
        if names is None:
            names = content_names(texts, kinds)
        labels, classes = class_codes(kinds, len(texts))
        places = np.arange(len(texts), dtype=np.int64)
        return cls(config, names, places, texts, labels, classes, ids is not None, **given)

    def read(self, text: str) -> str:
        """Return what the encoder reads of a row: its words."""
        return joined_words(text)


def sentence_texts(X: Any, config: DatasetConfig) -> list[str]:
    """Write tagged sentences as texts, see `sluice.data.payloads.sentences.sentence_text`.

    Parameters
    ----------
    X : Tagged, list of Sentence, DataFrame, Table or list of dict
        What `sluice.data.readers.conll` reads, or rows with a list of words and one of tags.
    config : DatasetConfig
        Its columns ``tokens`` and ``tags`` name the lists, ``bio.repair`` says whether tags that
        continue nothing begin a span.

    Raises
    ------
    DataError
        X is none of these or holds no row, or a row has words without tags or no BIO tags.
    """
    tagged = X if isinstance(X, Tagged) else _tagged(X, config)
    if tagged.rejected:
        first = tagged.rejected[0]
        raise DataError(f"Row {first.line} of X ({first.reason}): {first.detail}")
    if not tagged.sentences:
        raise DataError("X has no row; give at least one sentence with its tags.")
    texts: list[str] = []
    for row, sentence in enumerate(tagged.sentences):
        checked = checked_sentence(sentence, repair=TokensConfig.of(config).bio.repair)
        fault = read_sentence(checked.text).fault
        if fault is not None:
            raise DataError(f"Row {row} of X ({fault[0]}): {fault[1]}")
        texts.append(checked.text)
    return texts


def _tagged(X: Any, config: DatasetConfig) -> Tagged:
    rows: Any = X if hasattr(X, "columns") or not isinstance(X, Iterable) else list(X)
    if isinstance(rows, list) and rows and all(isinstance(row, Sentence) for row in rows):
        return Tagged(rows, [])
    of_dicts = isinstance(rows, list) and all(isinstance(row, Mapping) for row in rows)
    objects: list[Mapping[str, Any]] = rows if of_dicts else arrow_table(rows).to_pylist()
    columns = TokensConfig.of(config).columns
    plain = [{key: _plain(value) for key, value in row.items()} for row in objects]
    return tagged_objects(
        enumerate(plain), "X", tokens=columns.tokens or "tokens", tags=columns.tags or "tags"
    )


def _plain(value: Any) -> Any:
    """Return a sequence of words as a list: an array or a tuple, as pandas and others hold it."""
    if isinstance(value, tuple):
        return list(value)
    return value.tolist() if isinstance(value, np.ndarray | pa.Array) else value
