"""A row of the task tokens: words with one tag each, as one text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sluice.data.payloads.bio import spans_of
from sluice.data.readers.conll import Sentence

NO_SPAN = "none"
"""The label of rows in which nothing is tagged."""
_BETWEEN = "+"


@dataclass(frozen=True)
class SentenceRow:
    """What the text of a row holds.

    Attributes
    ----------
    tokens, tags : tuple of str
        Equally long, but in a row that cannot be used.
    fault : tuple of str or None
        Why the row cannot be used: reason and detail.
    """

    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    fault: tuple[str, str] | None = None

    @property
    def words(self) -> str:
        """The words with a space between."""
        return " ".join(self.tokens)

    @property
    def sentence(self) -> Sentence:
        """The same, as readers of files give it."""
        return Sentence(self.tokens, self.tags)

    @property
    def label(self) -> str:
        """The types of its spans, ascending, with a plus between; `NO_SPAN` where it has none."""
        return _BETWEEN.join(sorted({span.type for span in spans_of(self.tags)})) or NO_SPAN


def sentence_text(
    tokens: Sequence[str], tags: Sequence[str], fault: tuple[str, str] | None = None
) -> str:
    """Write a row as one JSON text, in one way.

    Keys in the order tokens, tags, fault, the latter only where there is one; no spaces;
    characters as they are. Equal rows give equal texts.
    """
    whole: dict[str, list[str]] = {"tokens": list(tokens), "tags": list(tags)}
    if fault is not None:
        whole["fault"] = list(fault)
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))


def read_sentence(text: str) -> SentenceRow:
    """Read what `sentence_text` wrote. Cost: about 5 microseconds.

    Raises
    ------
    ValueError
        The text is no such JSON; the text of an instance always is.
    """
    whole = json.loads(text)
    fault = whole.get("fault")
    return SentenceRow(
        tuple(whole["tokens"]), tuple(whole["tags"]), None if fault is None else tuple(fault)
    )


def joined_words(text: str) -> str:
    """Return what people and the sentence encoder read of a row: its words, spaces between."""
    return read_sentence(text).words
